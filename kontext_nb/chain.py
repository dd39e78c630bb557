"""The edit tree: which step was made from which, and how to walk it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kontext_nb.errors import ParameterRejected
from kontext_nb.model import Job, echo

NAME_MAX_CHARS = 80
NOTE_MAX_CHARS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the user noted about a step; none of it changes the picture.

    Args:
        starred: Whether it is one of the good ones.
        name: Shown instead of the prompt; "" for none. One line, at most 80 characters.
        note: For the user's own eyes; "" for none. At most 2,000 characters.
        deleted: Whether it is hidden. Its picture is kept: what was paid for is never
            thrown away, and a step can always be brought back.

    Raises:
        ParameterRejected: A text is too long, or is none.
    """

    starred: bool = False
    name: str = ""
    note: str = ""
    deleted: bool = False

    def __post_init__(self) -> None:
        """Check the texts; what they say is the user's affair."""
        for what, text, most in (
            ("name", self.name, NAME_MAX_CHARS),
            ("note", self.note, NOTE_MAX_CHARS),
        ):
            if not isinstance(text, str) or _is_broken(text):
                raise ParameterRejected(
                    f"The {what} {echo(text)} is no text.", f"Give the {what} as text."
                )
            if len(text) > most:
                raise ParameterRejected(
                    f"The {what} has {len(text)} characters, more than {most}.",
                    "Make it shorter.",
                )
        if len(self.name.splitlines()) > 1:
            raise ParameterRejected(
                f"The name {echo(self.name)} has more than one line.",
                "Give one line, and the rest as a note.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What a step shows in the place of the model's own picture; none of it is sent.

    Two steps of one job may differ in it alone.

    Args:
        preserve: Whether only the change is taken over into the picture before.
        mask: Blob of where the change may show; "" for the change that is found.
        source: Blob of the picture before, where a padded copy of it was sent; "" where
            it was sent itself.
    """

    preserve: bool = False
    mask: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a step's `Keeping`.

    Args:
        picture: Blob of the picture that is shown; "" where it is the model's own.
        cut: Blob of the model's picture without the margins that were sent; "" where
            none were.
        reason: Why nothing was preserved although it was asked for, as a sentence.
    """

    picture: str = ""
    cut: str = ""
    reason: str = ""


def _is_broken(text: str) -> bool:
    """Tell whether a text holds half of a character, which no file can keep."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One place in a chain.

    Args:
        id: Made by this machine.
        chain: Id of the chain: one picture, edited in one place.
        parent: The step it was made from; None if from the chain's source picture.
        job: The job that makes its picture. Two steps may share one.
        call: Which call of which cell made it, so that a re-run finds it again.
        text_call: The same by the cell's code, for runs that know no cell ids.
        created_at: Unix seconds.
        place: Where its chain belongs: a cell of a notebook, or a name (see
            `session.cell.Cell`); None for a chain of its own.
        marks: What the user noted about it.
        keeping: What it shows in the place of the model's own picture.
        kept: What became of that; nothing yet while the job is not DONE.
    """

    id: str
    chain: str
    parent: str | None
    job: Job
    call: str | None
    text_call: str | None = None
    created_at: float
    place: str | None = None
    marks: Marks = field(default_factory=Marks)
    keeping: Keeping = field(default_factory=Keeping)
    kept: Kept = field(default_factory=Kept)

    @property
    def source(self) -> str:
        """Blob or address of the picture before; "" where there is none."""
        return self.keeping.source or self.job.source

    @property
    def raw(self) -> str:
        """Blob of the model's picture, in the frame of the picture before."""
        return self.kept.cut or self.job.result

    @property
    def result(self) -> str:
        """Blob of the picture it shows; "" until its job is DONE."""
        return self.kept.picture or self.raw

    @property
    def blobs(self) -> frozenset[str]:
        """The blobs it needs beside those of its job."""
        of = (self.keeping.mask, self.keeping.source, self.kept.picture, self.kept.cut)
        return frozenset(filter(None, of))


def shown_parents(steps: Iterable[Step]) -> dict[str, str | None]:
    """Return what each step is shown after: the nearest before it not deleted.

    Args:
        steps: All steps of a chain.

    Returns:
        Ids by ids; None for the chain's source picture.
    """
    known = {step.id: step for step in steps}

    def before(step: Step) -> str | None:
        parent = known.get(step.parent or "")
        while parent and parent.marks.deleted:
            parent = known.get(parent.parent or "")
        return parent.id if parent else None

    return {place: before(step) for place, step in known.items()}


def lineage(steps: Iterable[Step], step_id: str) -> tuple[Step, ...]:
    """Return the steps from the first edit of the source down to ``step_id``.

    Raises:
        KeyError: There is no such step.
    """
    known = {step.id: step for step in steps}
    path = [known[step_id]]
    while (parent := path[-1].parent) is not None:
        path.append(known[parent])
    return tuple(reversed(path))
