"""``kontext-nb completion``: have the shell complete commands and options by TAB."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kontext_nb.cli.speech import answer

PROGRAM = "kontext-nb"
SHELLS = ("bash", "zsh", "fish")
# As click itself names it when the program is called by that name.
_VARIABLE = "_KONTEXT_NB_COMPLETE"


@click.command(
    epilog="""\b
To have it in every new shell, add one line to its own file:
bash  ~/.bashrc                   eval "$(kontext-nb completion bash)"
zsh   ~/.zshrc, after compinit    eval "$(kontext-nb completion zsh)"
fish  ~/.config/fish/config.fish  kontext-nb completion fish | source"""
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that has SHELL complete kontext-nb's commands by TAB."""
    root = click.get_current_context().find_root().command
    made_by = get_completion_class(shell)
    assert made_by is not None  # noqa: S101 - click has one for each of SHELLS
    script = made_by(root, {}, PROGRAM, _VARIABLE).source()
    answer({"shell": shell, "script": script}, script)
