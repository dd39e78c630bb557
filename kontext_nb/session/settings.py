"""Settings: one value, read once on the caller's side and handed down."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from kontext_nb.errors import ParameterRejected
from kontext_nb.model import KONTEXT_PRO, echo

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
        deadline_s: How long one edit is waited for; the job itself goes on after that.
        demo_seconds: How long the demo engine pretends to take, a third of it queued.
        widgets: "live", or "plain" for front ends that allow only ipywidgets' own.
    """

    provider: str | None = None
    model: str = KONTEXT_PRO
    home: Path | None = None
    bridge: str = "thread"
    deadline_s: float = 900.0
    demo_seconds: float = 0.0
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


_lock = threading.Lock()
_changed: dict[str, Any] = {}


def current() -> Settings:
    """Return the settings in force: what `configure` set, else the environment's."""
    home = os.environ.get("KONTEXT_NB_HOME")
    given = {
        "provider": os.environ.get("KONTEXT_NB_PROVIDER") or None,
        "home": Path(home).expanduser() if home else None,
        "widgets": os.environ.get("KONTEXT_NB_WIDGETS") or "live",
    }
    with _lock:
        return Settings(**(given | _changed))


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
        changes["home"] = Path(changes["home"]).expanduser().resolve()
    with _lock:
        replace(Settings(), **(_changed | changes))  # refuses before anything changes
        before = dict(_changed)
        _changed.update(changes)

    def undo() -> None:
        with _lock:
            _changed.clear()
            _changed.update(before)

    return Restorer(undo)
