"""Edit pictures by instruction from a notebook: see, compare, branch, never pay twice.

    import kontext_nb as kx

    e = kx.edit("bottle.jpg", "Change the green bottle to dark blue")
    e2 = e.edit("Make it night")
    e2.save("bottle-night.png")

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kontext_nb.demo import samples as samples
    from kontext_nb.engine.nesting import allow_nested_asyncio as allow_nested_asyncio
    from kontext_nb.errors import KontextError as KontextError
    from kontext_nb.preservation import drift as drift
    from kontext_nb.preservation import preserve as preserve
    from kontext_nb.preservation import register as register
    from kontext_nb.prompts.linting import lint as lint
    from kontext_nb.session.adopting import adopt as adopt
    from kontext_nb.session.asking import edit as edit
    from kontext_nb.session.asking import resume as resume
    from kontext_nb.session.expecting import expect as expect
    from kontext_nb.session.noise import seed_noise as seed_noise
    from kontext_nb.session.places import chains as chains
    from kontext_nb.session.settings import configure as configure
    from kontext_nb.session.sweeps import sweep as sweep
    from kontext_nb.widgets.comparing import compare as compare
    from kontext_nb.widgets.editor import Editor as Editor

__version__ = "0.1.0"

# Where each public name lives; it is imported when it is first asked for.
_HOMES = {
    "Editor": "kontext_nb.widgets.editor",
    "KontextError": "kontext_nb.errors",
    "adopt": "kontext_nb.session.adopting",
    "chains": "kontext_nb.session.places",
    "allow_nested_asyncio": "kontext_nb.engine.nesting",
    "compare": "kontext_nb.widgets.comparing",
    "configure": "kontext_nb.session.settings",
    "drift": "kontext_nb.preservation",
    "edit": "kontext_nb.session.asking",
    "expect": "kontext_nb.session.expecting",
    "lint": "kontext_nb.prompts.linting",
    "preserve": "kontext_nb.preservation",
    "register": "kontext_nb.preservation",
    "resume": "kontext_nb.session.asking",
    "samples": "kontext_nb.demo.samples",
    "seed_noise": "kontext_nb.session.noise",
    "sweep": "kontext_nb.session.sweeps",
}

__all__ = [*sorted(_HOMES)]  # noqa: PLE0604 - the table's keys are text


def __getattr__(name: str) -> Any:
    """Import the home of a public name at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kontext_nb' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    found = home if name == "samples" else getattr(home, name)
    globals()[name] = found
    return found


def load_ipython_extension(shell: Any) -> None:
    """Bring the magic commands, for ``%load_ext kontext_nb``."""
    import_module("kontext_nb.magics").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take them out again, for ``%unload_ext kontext_nb``."""
    import_module("kontext_nb.magics").unload(shell)


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return [*__all__, "__version__"]
