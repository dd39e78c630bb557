"""``kontext-nb lint``: what in an instruction could be worded better."""

from __future__ import annotations

from dataclasses import asdict

import click

from kontext_nb.cli.speech import answer
from kontext_nb.errors import PromptRejected


@click.command()
@click.argument("prompt")
@click.option("--model", help="Id of the model it is for; FLUX.1 Kontext if left out.")
def lint(prompt: str, *, model: str | None) -> None:
    """Say what in PROMPT could be worded better, and how.

    Nothing is sent. What was found goes to stdout; if an error is among it, the exit
    code is 65.
    """
    from kontext_nb.prompts import Severity
    from kontext_nb.prompts import lint as read

    found = read(prompt, model=model)
    facts = {"worst": found.worst, "findings": [asdict(finding) for finding in found]}
    answer(facts, str(found))
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    if errors:
        raise PromptRejected(
            f"The prompt cannot be used as it is ({errors[0].rule}).",
            "What to do stands in what was found.",
        )
