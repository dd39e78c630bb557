"""How long an Editor with a long chain takes to open, and how much it holds and leaves.

Run it on a quiet machine: ``python benchmarks/editor_open.py``. The chain is made once
by the demo engine; then a kernel restart is played by a new process for each round.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

import ipywidgets

import kontext_nb as kx

STEPS = 50
BRANCH_EVERY = 10
ROUNDS = 5


def make_chain(home: str) -> None:
    """Make a chain that starts over from the source now and then."""
    kx.configure(provider="demo", home=home)
    picture = kx.samples.bottle()
    chain = kx.Editor(picture, chain="long").chain
    assert chain is not None  # noqa: S101 - a picture was given
    before = None
    for number in range(STEPS):
        prompt = "Make it slightly warmer" if number % 2 else "Make it slightly cooler"
        before = chain.add(prompt, parent=before, seed=number)
        if (number + 1) % BRANCH_EVERY == 0:
            before = None


def measure(home: str) -> dict[str, float]:
    """Open the chain in this process and return seconds and bytes."""
    kx.configure(provider="demo", home=home)
    picture = kx.samples.bottle()
    begun = time.perf_counter()
    editor = kx.Editor(picture, chain="long")
    opened_s = time.perf_counter() - begun
    editor.settled()
    shown_s = time.perf_counter() - begun
    still = editor._repr_mimebundle_()[0]
    return {
        "opened_s": opened_s,
        "shown_s": shown_s,
        "still_s": time.perf_counter() - begun - shown_s,
        "traits_bytes": held(editor),
        "notebook_bytes": len(json.dumps(still, default=_as_base64)),
    }


def held(widget: ipywidgets.Widget) -> int:
    """Return how many bytes the traits of a widget and of all below it have."""
    total = 0
    for part in {id(one): one for one in _all_below(widget)}.values():
        state, _, buffers = ipywidgets.widgets.widget._remove_buffers(part.get_state())
        total += len(json.dumps(state, default=str)) + sum(map(len, buffers))
    return total


def _all_below(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    below = [
        one for child in getattr(widget, "children", ()) for one in _all_below(child)
    ]
    return [widget, *below]


def _as_base64(data: bytes) -> str:
    return "x" * (-(-len(data) // 3) * 4)


def main() -> None:
    """Print the medians."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as home:
        make_chain(home)
        command = [sys.executable, __file__, home]
        runs = [
            json.loads(subprocess.check_output(command))  # noqa: S603
            for _ in range(ROUNDS + 1)
        ]
    first, *others = runs
    print(f"An Editor with {STEPS} steps            first  median of {ROUNDS}")
    for name, unit, factor in (
        ("opened_s", "ms", 1e3),
        ("shown_s", "ms", 1e3),
        ("still_s", "ms", 1e3),
        ("traits_bytes", "KiB", 2**-10),
        ("notebook_bytes", "KiB", 2**-10),
    ):
        median = statistics.median(run[name] for run in others)
        print(f"  {name:<16}{first[name] * factor:24.0f}{median * factor:10.0f} {unit}")


if __name__ == "__main__":
    main()
