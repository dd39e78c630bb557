"""The magic commands: an edit whose prompt is the body of the cell.

``%load_ext kontext_nb`` brings them. They are the same calls as in Python: whatever is
asked for again in the same cell comes from the store.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from kontext_nb.errors import KontextError, ParameterRejected
from kontext_nb.model import echo
from kontext_nb.session.asking import edit
from kontext_nb.session.edits import Chain, Edit, How

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

NAME = "kontext"
_CELL = f"%%{NAME}"
_LINE = f"%{NAME}"


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong, instead of ending the kernel."""

    def error(self, message: str) -> NoReturn:
        """Refuse the line."""
        raise ParameterRejected(
            f"{self.prog}: {message}.", f"It is used like this: {self.format_usage()}"
        )

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End the command, as --help does."""
        del status, message
        raise _Ended


class _Ended(Exception):
    """The command is done."""


def _cell_parser() -> _Parser:
    parser = _Parser(prog=_CELL, description="Edit a picture; the body is the prompt.")
    add = parser.add_argument
    add("source", help="a file, or a variable: a picture or an earlier edit")
    add("--seed", type=int, help="0 to 2147483647; left out, one is picked")
    add("--aspect", metavar="RATIO", help='such as "16:9"')
    add("--model", metavar="ID", help="another model")
    add("--chain", metavar="NAME", help="a name for the chain")
    add("--as", dest="variable", metavar="VAR", help="the variable that gets the edit")
    return parser


def _line_parser() -> _Parser:
    parser = _Parser(prog=_LINE, description="See or go back in the last chain.")
    parser.add_argument("act", choices=("history", "undo", "redo", "grid"))
    parser.add_argument("--save", metavar="PATH", help="save the grid there")
    return parser


@dataclass(slots=True)
class Magics:
    """What ``%kontext`` and ``%%kontext`` do in one shell.

    Args:
        shell: Whose variables are used.
    """

    shell: InteractiveShell
    _chain: Chain | None = None
    _head: Edit | None = None  # None at the chain's source
    _undone: list[Edit] = field(default_factory=list)

    def cell(self, line: str, body: str) -> Edit | None:
        """Edit a picture: ``%%kontext SOURCE [options]``, with the prompt below.

        The body is text as it stands: nothing in it is a variable.
        """
        asked = _parsed(_cell_parser(), line)
        if asked is None:
            return None
        options: How = {
            "seed": asked.seed,
            "aspect_ratio": asked.aspect,
            "model": asked.model,
        }
        made: Edit
        source, prompt = self._source(asked.source), body.strip()
        if isinstance(source, Edit):
            if asked.chain:
                raise ParameterRejected(
                    f"{asked.source} is an edit, and stays in its chain.",
                    "Leave --chain out, or give a picture.",
                )
            made = source.edit(prompt, **options)
        else:
            made = edit(source, prompt, chain=asked.chain, **options)
        self._chain, self._head, self._undone = made.chain, made, []
        if asked.variable:
            self.shell.user_ns[_variable(asked.variable)] = made
        return made

    def line(self, line: str) -> object:
        """Show the chain of the last edit, or go back in it."""
        asked = _parsed(_line_parser(), line)
        if asked is None:
            return None
        chain = self._chain
        if chain is None:
            raise ParameterRejected(
                "There is no edit yet to go back to.", f"Make one with {_CELL}."
            )
        if asked.act == "undo":
            return self._back(chain)
        if asked.act == "redo":
            return self._forth(chain)
        if asked.act == "history":
            return chain
        grid = chain.grid()
        if asked.save:
            print(f"Saved as {grid.save(asked.save).absolute()}.")  # noqa: T201 - it is a command
        return grid

    def _source(self, named: str) -> Any:
        """Return a variable's value, or the name as that of a file."""
        name = named[1:-1] if named[:1] == "{" and named[-1:] == "}" else named
        found = self.shell.user_ns.get(name)
        if found is None and name != named:
            raise ParameterRejected(
                f"There is no variable {echo(name)}.", "Run the cell that makes it."
            )
        return named if found is None else found

    def _back(self, chain: Chain) -> object:
        """Take the last edit out of sight, and return what it was made from."""
        if self._head is None:
            raise ParameterRejected("There is nothing left to undo.", "Make an edit.")
        parents = {edit.step.id: parent for edit, parent in chain.tree()}
        chain.delete(self._head)
        self._undone.append(self._head)
        parent = parents.get(self._head.step.id)
        self._head = chain.find(parent) if parent else None
        if self._head:
            return self._head
        return chain.source if isinstance(chain.source, str) else chain.source.image

    def _forth(self, chain: Chain) -> Edit:
        """Bring back what was undone last."""
        if not self._undone:
            raise ParameterRejected("There is nothing to redo.", "Undo an edit first.")
        self._head = self._undone.pop()
        chain.restore(self._head)
        return self._head


def _parsed(parser: _Parser, line: str) -> argparse.Namespace | None:
    try:
        words = shlex.split(line)
    except ValueError as error:  # a quote that is not closed
        parser.error(str(error).lower())
    try:
        return parser.parse_args(words)
    except _Ended:
        return None


def _variable(name: str) -> str:
    if not name.isidentifier():
        raise ParameterRejected(
            f"{echo(name)} is no name of a variable.", "Give one, such as night."
        )
    return name


def load(shell: InteractiveShell) -> None:
    """Register the magic commands, and have our errors shown as two sentences."""
    magics = Magics(shell)
    shell.register_magic_function(_told(magics.cell), "cell", NAME)
    shell.register_magic_function(_told(magics.line), "line", NAME)


def unload(shell: InteractiveShell) -> None:
    """Take exactly these commands out again."""
    for kind in ("cell", "line"):
        shell.magics_manager.magics[kind].pop(NAME, None)


def _told(command: Any) -> Any:
    """Let a command end with an error's two sentences, and leave braces alone."""
    from IPython.core.magic import no_var_expand

    def run(*given: str) -> object:
        try:
            return command(*given)
        except KontextError as error:
            said = f"{type(error).__name__}: {error}"
            # IPython asks an error for its own words before it shows where it was.
            vars(error)["_render_traceback_"] = lambda: [said]
            raise

    run.__doc__ = command.__doc__
    return no_var_expand(run)
