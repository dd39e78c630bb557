"""The table of rules. docs/prompts.md explains each with an example."""

from __future__ import annotations

from kontext_nb.prompts import (
    keeping,
    letters,
    negation,
    passes,
    scenes,
    size,
    syntax,
    wording,
)
from kontext_nb.prompts.finding import Severity
from kontext_nb.prompts.rule import Rule

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR

RULES = (
    Rule(
        id="K001",
        title="Nothing is said",
        severity=ERROR,
        why="The model changes what the words ask for, and there are none.",
        check=size.empty,
        english=False,
        edits=False,
    ),
    Rule(
        id="K002",
        title="Too long",
        severity=ERROR,
        why="FLUX.1 Kontext reads 512 tokens, about 380 English words, and what comes "
        "after them may be lost.",
        check=size.too_long,
        english=False,
        edits=False,
    ),
    Rule(
        id="K010",
        title="A pronoun for a subject",
        severity=WARNING,
        why="The model sees the picture but not what you are thinking of, and may pick "
        "another subject.",
        check=wording.pronoun,
    ),
    Rule(
        id="K011",
        title="A person made into something",
        severity=WARNING,
        why="Words such as transform and turn into allow everything to be made anew, "
        "the face too.",
        check=keeping.transformed,
    ),
    Rule(
        id="K012",
        title="Nothing is to be kept",
        severity=INFO,
        why="Where the whole picture changes, what is named as kept is likelier to "
        "stay.",
        check=keeping.unkept,
    ),
    Rule(
        id="K013",
        title="A new background, the subject left loose",
        severity=WARNING,
        why="A new place invites a new picture: subjects move, shrink or turn unless "
        "they are tied down.",
        check=keeping.unlocked,
    ),
    Rule(
        id="K020",
        title="Letters without quotes",
        severity=WARNING,
        why="Quotes tell the letters to paint from the words about them.",
        check=letters.unquoted,
        edits=False,
    ),
    Rule(
        id="K021",
        title="New text of another length",
        severity=INFO,
        why="Much longer or shorter words do not fit where the old ones were, and the "
        "layout breaks.",
        check=letters.uneven,
        english=False,
    ),
    Rule(
        id="K022",
        title="Quotes that are open or curly",
        severity=INFO,
        why="Where a quote begins and ends decides which letters are painted.",
        check=letters.quotes,
        english=False,
        edits=False,
    ),
    Rule(
        id="K030",
        title="What is not wanted",
        severity=INFO,
        why="There is no negative prompt: to name a thing can bring it in.",
        check=negation.negative,
        edits=False,
    ),
    Rule(
        id="K031",
        title="The notation of another program",
        severity=WARNING,
        why="FLUX.1 Kontext has no such notation: brackets, weights and tags are "
        "nothing but odd words to it.",
        check=syntax.notation,
        english=False,
    ),
    Rule(
        id="K040",
        title="Many edits at once",
        severity=WARNING,
        why="The more one pass carries, the likelier one of the edits is skipped; a "
        "chain can go back to any step.",
        check=passes.compound,
    ),
    Rule(
        id="K041",
        title="Praise for a change",
        severity=INFO,
        why="What is better or nicer is left to the model, and each seed answers "
        "differently.",
        check=wording.vague,
    ),
    Rule(
        id="K042",
        title="A wish for an instruction",
        severity=INFO,
        why="An instruction that begins with what to do leaves least open.",
        check=wording.passive,
    ),
    Rule(
        id="K050",
        title="A second picture",
        severity=ERROR,
        why="A model that takes one picture cannot look at another.",
        check=scenes.others,
    ),
    Rule(
        id="K051",
        title="The scene described again",
        severity=INFO,
        why="What is described but not to be changed may be painted anew.",
        check=scenes.described,
    ),
    Rule(
        id="K052",
        title="A new picture",
        severity=INFO,
        why="An edit starts from your picture and holds on to much of it.",
        check=scenes.unsourced,
    ),
)
