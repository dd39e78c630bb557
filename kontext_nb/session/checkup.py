"""A checkup of this machine: what works here, what does not, and what to do about it.

Nothing is changed and nothing is paid for: the one request is a question, and the one
picture is made by the demo engine in a folder that is gone afterwards.
"""

from __future__ import annotations

import contextlib
import platform
import shlex
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

from kontext_nb import __version__
from kontext_nb.errors import KontextError
from kontext_nb.session import checkup_service, checkup_store
from kontext_nb.session.findings import (
    Finding,
    fail,
    failed,
    gathered,
    ok,
    warn,
)
from kontext_nb.session.settings import Settings, current

DISTRIBUTION = "kontext-nb"
CODECS = {"PNG": "zlib", "JPEG": "jpg", "WebP": "webp"}
# The names of JupyterLab's own folders, below share/jupyter/labextensions.
_EXTENSIONS = {
    "ipywidgets": "@jupyter-widgets/jupyterlab-manager",
    "anywidget": "anywidget",
}
_BROUGHT_BY = {"ipywidgets": "jupyterlab_widgets", "anywidget": "anywidget"}


def checkup(*, offline: bool) -> Iterator[Finding]:
    """Look at everything that an edit needs, one thing after the other.

    Args:
        offline: Whether to leave the network alone.
    """
    try:
        settings = current()
    except KontextError as error:
        yield failed("settings", error)
        settings = Settings()  # the rest may be well, and is worth knowing
    yield from gathered(
        [
            ("python", _python),
            ("packages", _packages),
            ("codecs", _codecs),
            *checkup_store.checks(settings),
            *checkup_service.checks(settings, offline=offline),
            ("kernel", _kernel),
            ("widgets", partial(_widgets, settings)),
            ("demo", _demo),
            # The last one: nest_asyncio replaces parts of asyncio for the process.
            ("nest", _nest),
        ]
    )


def installing(*what: str) -> str:
    """Return the command that installs something for this Python.

    It works where the environment has no pip of its own, too.
    """
    pip = ("python3", "-m", "pip", "--python", sys.executable, "install")
    return f"Run: {shlex.join((*pip, *what))}"


def _python() -> Iterator[Finding]:
    is_this = f"Python {platform.python_version()} on {platform.system()}"
    lowest = ">=3.11"
    with contextlib.suppress(metadata.PackageNotFoundError):
        lowest = metadata.metadata(DISTRIBUTION)["Requires-Python"] or lowest
    from packaging.specifiers import SpecifierSet

    if SpecifierSet(lowest).contains(platform.python_version(), prereleases=True):
        yield ok("python", f"{is_this}.")
    else:
        yield fail(
            "python",
            f"{is_this}, and kontext_nb needs {lowest}.",
            "Install a newer Python, and kontext_nb for it.",
        )


def _packages() -> Iterator[Finding]:
    """Compare what is installed with what this version says that it needs."""
    from packaging.requirements import Requirement

    try:
        wanted = map(Requirement, metadata.requires(DISTRIBUTION) or ())
    except metadata.PackageNotFoundError:
        yield warn(
            "packages",
            f"kontext_nb {__version__} runs from a folder and is not installed, so "
            "what it needs cannot be looked up.",
            f"{installing('-e', '.')} in that folder.",
        )
        return
    # What belongs to an extra is looked at where it is used.
    needed = [r for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})]
    lacking = False
    for requirement in needed:
        have = version_of(requirement.name)
        if have and requirement.specifier.contains(have, prereleases=True):
            continue
        lacking = True
        yield fail(
            "packages",
            f"{requirement.name} is {have or 'not installed'}, and "
            f"{requirement.specifier} is needed.",
            installing(f"{requirement.name}{requirement.specifier}"),
        )
    if not lacking:
        yield ok(
            "packages",
            f"kontext_nb {__version__}, and the {len(needed)} packages it needs.",
        )


def version_of(name: str) -> str | None:
    """Return the version of an installed package; None if there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _codecs() -> Iterator[Finding]:
    from PIL import features

    lost = [name for name, codec in CODECS.items() if not features.check(codec)]
    if lost:
        yield fail(
            "codecs",
            f"This Pillow reads and writes no {', '.join(lost)}.",
            installing("--force-reinstall", "Pillow"),
        )
    else:
        yield ok("codecs", f"Pillow reads and writes {', '.join(CODECS)}.")


def _kernel() -> Iterator[Finding]:
    kernel = version_of("ipykernel")
    if kernel is None:
        yield warn(
            "kernel",
            "ipykernel is not installed, so no notebook can run in this Python.",
            installing("ipykernel"),
        )
    else:
        yield ok("kernel", f"ipykernel {kernel}.")


def _widgets(settings: Settings) -> Iterator[Finding]:
    """Tell whether a JupyterLab of this environment can show the widgets.

    One of another environment, or none at all as in VS Code and Colab, cannot be looked
    into from here.
    """
    have = {name: version_of(name) or "missing" for name in _EXTENSIONS}
    found = ", ".join(f"{name} {version}" for name, version in have.items())
    lab = version_of("jupyterlab")
    root = Path(sys.prefix, "share", "jupyter", "labextensions")
    lost = [n for n, folder in _EXTENSIONS.items() if not (root / folder).is_dir()]
    if lab is None:
        yield ok(
            "widgets",
            f"{found}. There is no JupyterLab in this environment; another front end "
            "shows them.",
        )
    elif lost:
        yield warn(
            "widgets",
            f"JupyterLab {lab} lacks the part that shows {' and '.join(lost)}.",
            installing("--force-reinstall", *(_BROUGHT_BY[name] for name in lost)),
        )
    else:
        yield ok("widgets", f"{found}; JupyterLab {lab} shows them.")
    if settings.widgets == "plain":
        yield ok("widgets", "The plain ones are chosen: they need ipywidgets alone.")


def _nest() -> Iterator[Finding]:
    """Run something on the other bridge, which is only used where it is asked for."""
    from kontext_nb.engine.bridge import NestBridge

    async def nothing() -> bool:
        return True

    try:
        NestBridge().run(nothing(), lambda: None)
    except Exception as error:  # noqa: BLE001 - a patch of asyncio breaks in any way
        yield warn(
            "nest",
            f"configure(bridge='nest') does not work here: {type(error).__name__}.",
            "Stay with the default bridge, which needs no patch of asyncio.",
        )
    else:
        yield ok("nest", "configure(bridge='nest') works here; few need it.")


def _demo() -> Iterator[Finding]:
    """Have the demo engine make a picture, by the whole way that a paid edit goes.

    What is configured must not decide here: it would be paid for.
    """
    from PIL import Image

    from kontext_nb import pixels
    from kontext_nb.session.desk import Desk
    from kontext_nb.session.making import made
    from kontext_nb.session.orders import Order, source_of

    source = source_of(Image.new("RGB", (16, 16), (90, 120, 150)))
    with tempfile.TemporaryDirectory(prefix="kontext-") as folder:
        desk = Desk(Settings(provider="demo", home=Path(folder)))
        order = Order(source=source, prompt="Make it warmer", chain="checkup", seed=1)
        step, _ = made(desk, order)
        width, height = pixels.load_image(desk.blobs.get(step.job.result)).size
    yield ok("demo", f"The demo engine made a picture of {width} x {height}.")
