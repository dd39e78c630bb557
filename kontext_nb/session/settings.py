"""Settings: one value, read once on the caller's side and handed down."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from kontext_nb.errors import ParameterRejected, SettingRejected, StoreError
from kontext_nb.model import KONTEXT_PRO, checked_model, echo
from kontext_nb.session import cell as cells
from kontext_nb.store.patience import within

P = ParamSpec("P")
T = TypeVar("T")

PROVIDERS = ("demo", "runcomfy")
BRIDGES = ("thread", "nest")
WIDGETS = ("live", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `configure` can change.

    Args:
        provider: "demo", "runcomfy", or None for RunComfy where there is a token and
            the demo engine where there is none.
        model: Model id at the provider.
        home: Folder of the store, or None for the usual place (see `home_folder`).
        bridge: "thread", or "nest" for code that must run in the main thread.
        poll_s: Least pause between two questions about one job; None leaves it to
            experience.
        deadline_s: How long a call waits, however many edits it asks for; what was sent
            goes on after that.
        budget_usd: Cap on what the store's paid edits may cost in US dollars, all told,
            over every process and for good; what may have been charged counts.
        max_edits: The same as a number of paid edits.
        demo_s: How long the demo engine pretends to take, a third of it queued.
        widgets: "live", or "plain" for front ends that allow only ipywidgets' own.
    """

    provider: str | None = None
    model: str = KONTEXT_PRO
    home: Path | None = None
    bridge: str = "thread"
    poll_s: float | None = None
    deadline_s: float = 900.0
    budget_usd: float | None = None
    max_edits: int | None = None
    demo_s: float = 0.0
    widgets: str = "live"

    def __post_init__(self) -> None:
        """Refuse what could not work later."""
        for name, value, allowed in (
            ("provider", self.provider, (None, *PROVIDERS)),
            ("bridge", self.bridge, BRIDGES),
            ("widgets", self.widgets, WIDGETS),
        ):
            if value not in allowed:
                raise ParameterRejected(
                    f"There is no {name} {echo(value)}.",
                    f"Use one of {', '.join(filter(None, allowed))}.",
                )
        checked_seconds("deadline_s", self.deadline_s, more_than=0.0)
        checked_seconds("demo_s", self.demo_s, more_than=-1.0)
        checked_model(self.model)
        if self.poll_s is not None:
            checked_seconds("poll_s", self.poll_s, more_than=0.0)
        _checked_cap("budget_usd", self.budget_usd, int | float)
        _checked_cap("max_edits", self.max_edits, int)


def _checked_cap(name: str, value: object, kind: Any) -> None:
    if value is None:
        return
    number = isinstance(value, kind) and not isinstance(value, bool)
    if not number or not 0 <= float(str(value)) < math.inf:
        raise ParameterRejected(
            f"{name} is {echo(value)}, which is no usable cap.",
            "Give a number from 0, or None for no cap.",
        )


def checked_seconds(name: str, value: object, *, more_than: float) -> None:
    """Refuse what is no number of seconds before it could end a paid wait.

    Raises:
        ParameterRejected: Not a finite number above ``more_than``.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not more_than < float(str(value)) < math.inf:
        raise ParameterRejected(
            f"{name} is {echo(value)}, which is no usable number of seconds.",
            "Give a number such as 60.",
        )


_lock = threading.Lock()
_changed: dict[str, Any] = {}


def current() -> Settings:
    """Return the settings in force: what `configure` set, else the environment's.

    Raises:
        SettingRejected: What the environment says of one that is not set otherwise.
    """
    with _lock:
        changed = dict(_changed)
    told = {name: _told(name) for name in _READ if name not in changed}
    given = {name: value for name, value in told.items() if value is not None}
    return Settings(**(given | changed))


def _told(name: str) -> Any:
    """Return what the environment says of a setting, or None if nothing.

    Raises:
        SettingRejected: It cannot be used; a cap that cannot be read is no cap to pass.
    """
    variable = f"KONTEXT_NB_{name.upper()}"
    text = os.environ.get(variable, "")
    if not text.strip():
        return None
    try:
        value = _READ[name](text)
        Settings(**{name: value})
    except ParameterRejected as error:
        raise SettingRejected(f"{variable}: {error.problem}", error.remedy) from None
    except ValueError:
        raise SettingRejected(
            f"{variable} is {echo(text)}, which is no number.",
            "Set a number, or unset it.",
        ) from None
    return value


@cache
def _folder(given: str | os.PathLike[str]) -> Path:
    """Return the folder meant when this was first given, wherever one changes to since.

    Raises:
        ParameterRejected: It is no name of a folder.
    """
    try:
        return Path(given).expanduser().resolve()
    except (TypeError, ValueError, RuntimeError, OSError):
        raise ParameterRejected(
            f"{echo(given)} is no place for a store.", "Give the path of a folder."
        ) from None


# The settings that the environment may say, and how each is read there.
_READ: dict[str, Callable[[str], Any]] = {
    "provider": str,
    "home": _folder,
    "widgets": str,
    "budget_usd": float,
    "max_edits": int,
}


class Restorer:
    """Undoes one `configure`; as a context manager, at the end of the block."""

    def __init__(self, undo: Callable[[], None]) -> None:
        self.restore = undo

    def __enter__(self) -> Self:
        """Keep the settings for the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Restore what was there before."""
        self.restore()

    def __repr__(self) -> str:
        """Stay quiet as the last line of a cell."""
        return "configured; .restore() undoes it"


def configure(**changes: Any) -> Restorer:
    """Change settings for this process, or for one block with ``with``.

    Args:
        **changes: Any field of `Settings`.

    Returns:
        What undoes it: ``with configure(provider="demo"): ...``, or ``.restore()``.

    Raises:
        ParameterRejected: There is no such setting, or no such value for it.
    """
    known = [field.name for field in fields(Settings)]
    for name in changes:
        if name not in known:
            raise ParameterRejected(
                f"There is no setting {echo(name)}.", f"Use {', '.join(known)}."
            )
    if changes.get("home") is not None:
        changes["home"] = _folder(changes["home"])
    with _lock:
        replace(Settings(), **(_changed | changes))  # refuses before anything changes
        before = {name: _changed[name] for name in changes if name in _changed}
        _changed.update(changes)

    def undo() -> None:
        with _lock:
            for name in changes:
                _changed.pop(name, None)
            _changed.update(before)

    return Restorer(undo)


def by_deadline(call: Callable[P, T]) -> Callable[P, T]:
    """Give all that a call waits for, one after the other, the one deadline."""

    @wraps(call)
    def bounded(*given: P.args, **named: P.kwargs) -> T:
        limit_s = math.inf
        with suppress(ParameterRejected):  # who needs the settings says what is wrong
            limit_s = current().deadline_s
        with within(limit_s):
            return call(*given, **named)

    return bounded


def home_folder() -> Path:
    """Return the store's usual place.

    In a notebook it is ``.kontext`` beside it; in a shell ``.kontext`` in the working
    folder if there is one, else the user's data folder.

    Raises:
        StoreError: The working folder is gone, or the user has none.
    """
    try:
        here = cells.folder() / ".kontext"
    except FileNotFoundError:
        raise StoreError(
            "The folder this runs in no longer exists.",
            "Change to one that does, or set KONTEXT_NB_HOME.",
        ) from None
    if cells.kernel() is not None or here.is_dir():
        return here
    import platformdirs

    place = Path()
    with suppress(RuntimeError):  # there is no home; some versions leave the ~ instead
        place = Path(platformdirs.user_data_dir("kontext_nb", appauthor=False))
    if not place.is_absolute():
        raise StoreError(
            "This user has no home folder to keep the store in.",
            "Set KONTEXT_NB_HOME to the path of a folder.",
        )
    return place
