"""What a checkup finds: each check's outcome as a value, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from kontext_nb.errors import KontextError


class Level(StrEnum):
    """How well something works."""

    OK = "ok"
    SKIP = "skip"  # not looked at, so nothing is known
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Args:
        name: What was looked at, in one short word.
        level: How well it works.
        sentence: What was found. Nothing in it is secret.
        remedy: What to do about it; "" where there is nothing to do.
    """

    name: str
    level: Level
    sentence: str
    remedy: str = ""


Check = Callable[[], Iterable[Finding]]


def ok(name: str, sentence: str) -> Finding:
    """Return that something works."""
    return Finding(name, Level.OK, sentence)


def skip(name: str, sentence: str) -> Finding:
    """Return that something was not looked at."""
    return Finding(name, Level.SKIP, sentence)


def warn(name: str, sentence: str, remedy: str) -> Finding:
    """Return that something works, but not as well as it should."""
    return Finding(name, Level.WARN, sentence, remedy)


def fail(name: str, sentence: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(name, Level.FAIL, sentence, remedy)


def failed(name: str, error: KontextError) -> Finding:
    """Return that something does not work, in the words of its error."""
    return fail(name, error.problem, error.remedy)


def gathered(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Do each check in turn; one that breaks is itself a finding, and the last of none.

    Args:
        checks: Each with the name to report it by, should it break.
    """
    for name, check in checks:
        try:
            yield from check()
        except KontextError as error:
            yield failed(name, error)
        except Exception as error:  # noqa: BLE001 - whatever is broken here is to be told
            # Only its kind: the words of a strange error may quote anything.
            yield fail(
                name,
                f"This could not be checked: {type(error).__name__}.",
                f"Install kontext_nb anew; if that does not help, report it as {name}.",
            )
