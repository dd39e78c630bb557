"""How well an edited picture is laid on its source, and what changed is found.

``python benchmarks/preservation.py --count 40`` measures it on computed pictures whose
truth is known, and with ``--images FOLDER`` on photographs of one's own. Beside ours
stand the ways one would write in an afternoon.

Errors are in pixels of what came back, at the worst corner of the picture, among the
cases a method is confident of. A case is *wrong* if a method is confident and more than
2 px off, or confident of a picture that was composed anew: one that was only drawn in
another style still lies where it lay. The share of *quiet* cases is
that of those without an edit of whose pixels at most 0.5 % are called changed. A letter
is *found* if half its pixels are, and no more than 0.5 % of the picture elsewhere.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from preservation_methods import Found, Mask, installed

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.scenes import KINDS, STEPS, Case, Kind, cases

WRONG_PX = 2.0
QUIET = 0.005  # share of the picture
HALF = 0.5  # of a letter
BANDS = ((0.0, 0.02), (0.02, 0.08), (0.08, 1.0))  # shares of the picture
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
HEADINGS = (
    *("method", "kind", "cases", "refused", "wrong", "px 50", "px 95", "zoom% 50"),
    *("zoom% 95", "IoU <2%", "IoU <8%", "IoU >8%", "quiet", "letters", "s"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one method made of one case."""

    method: str
    kind: str
    name: str
    confident: bool
    wrong: bool
    error_px: float
    error_zoom: float  # per cent
    changed: float  # share of the picture, in truth
    overlap: float  # of the mask and the truth; nan without a mask
    recall: float
    astray: float  # share of the picture called changed that is not
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """A stretch of cases for one process."""

    kind: Kind
    first: int
    count: int


def made_anew(case: Case) -> bool:
    """Say whether nothing of a case lies where it lay before."""
    return any(f"/{made}/" in case.name for made in ("other", "recomposed"))


def judged(method: str, kind: str, case: Case, found: Found, seconds: float) -> Row:
    """Compare what was found with the truth."""
    h, w = case.before.shape[:2]
    corners = np.array([(0, 0), (w, 0), (0, h), (w, h)], float)
    apart = np.subtract(found.scale, case.scale), np.subtract(found.shift, case.shift)
    error = float(np.linalg.norm(corners * apart[0] + apart[1], axis=1).max())
    off = found.confident and (made_anew(case) or error > WRONG_PX)
    overlap = recall = astray = float("nan")
    visible = _visible(case)
    truth = case.truth & visible
    if found.mask is not None:
        mask = found.mask & visible
        both, either = (mask & truth).sum(), (mask | truth).sum()
        overlap = float(both / either) if either else 1.0
        recall = float(both / max(1, truth.sum()))
        astray = float((mask & ~truth).sum() / visible.sum())
    return Row(
        *(method, kind, case.name, found.confident, off, error),
        100 * float(np.abs(np.divide(found.scale, case.scale) - 1).max()),
        float(truth.mean()),
        *(overlap, recall, astray, seconds),
    )


def _visible(case: Case) -> Mask:
    """Return which pixels of the source the service's frame still has."""
    h, w = case.before.shape[:2]
    high, wide = case.after.shape[:2]
    x = (np.arange(w) + 0.5) * case.scale[0] + case.shift[0]
    y = (np.arange(h) + 0.5) * case.scale[1] + case.shift[1]
    inside = ((y >= 0) & (y < high))[:, None] & ((x >= 0) & (x < wide))
    return np.asarray(inside)


def measured(job: Job, options: argparse.Namespace) -> list[Row]:
    """Make the cases of a job and let each method see each of them."""
    methods, _ = installed()
    rows = []
    for case in cases(
        options.seed,
        kind=job.kind,
        count=job.count,
        first=job.first,
        megapixels=options.megapixels,
        photographs=options.photographs,
    ):
        for name in options.method or methods:
            begun = time.perf_counter()
            found = methods[name](case.before, case.after)
            taken = time.perf_counter() - begun
            rows.append(judged(name, job.kind, case, found, taken))
    return rows


def jobs(kinds: Sequence[Kind], count: int) -> Iterator[Job]:
    """Yield what can be done apart: single cases, and chains."""
    for kind in kinds:
        step = STEPS if kind == "chain" else 1
        for first in range(0, count, step):
            yield Job(kind, first, min(step, count - first))


def table(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Yield a line per method and kind."""
    for method in dict.fromkeys(row.method for row in rows):
        for kind in KINDS:
            chosen = [r for r in rows if (r.method, r.kind) == (method, kind)]
            if chosen:
                yield (method, kind, *_numbers(kind, chosen))


def _numbers(kind: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield the numbers of one line, as they are shown."""
    yield str(len(rows))
    yield _share(not row.confident for row in rows)
    yield _share(row.wrong for row in rows)
    sure = [row for row in rows if row.confident and kind != "refuse"]
    for errors in ([r.error_px for r in sure], [r.error_zoom for r in sure]):
        for part in (0.5, 0.95):
            yield f"{np.quantile(errors, part):.2f}" if errors else "-"
    for low, high in BANDS:
        inside = [r.overlap for r in rows if low <= r.changed < high]
        drawn = [value for value in inside if not np.isnan(value)]
        shown = kind in ("edit", "chain") and drawn
        yield f"{np.mean(drawn):.2f}" if shown else "-"
    quiet = (row.astray <= QUIET for row in rows)
    yield _share(quiet) if kind == "distortion" else "-"
    read = (row.recall >= HALF and row.astray <= QUIET for row in rows)
    yield _share(read) if kind == "letter" else "-"
    yield f"{np.mean([row.seconds for row in rows]):.2f}"


def _share(told: Iterator[bool]) -> str:
    """Return how many of them are true, in per cent."""
    return f"{100 * np.mean(list(told)):.0f}%"


def printed(lines: Sequence[Sequence[str]]) -> None:
    """Print a table, its columns as wide as they need be."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def read() -> argparse.Namespace:
    """Return what was asked for."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--count", type=int, default=40, help="cases of each kind")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--kind", action="append", choices=KINDS, help="default: all")
    asked.add_argument("--megapixels", type=float, default=1.0, help="of the source")
    asked.add_argument("--images", type=Path, help="a folder of photographs")
    asked.add_argument("--method", action="append", help="default: all")
    asked.add_argument("--each", action="store_true", help="a line for each case too")
    options = asked.parse_args()
    folder = sorted(options.images.iterdir()) if options.images else []
    options.photographs = [f for f in folder if f.suffix.lower() in SUFFIXES]
    if options.images and not options.photographs:
        asked.error(f"there is no picture in {options.images}")
    return options


def main() -> None:
    """Run all methods on all cases, in two processes, and print the table."""
    options = read()
    for reason in installed()[1]:
        print("left out:", reason)
    rows = []
    with Pool(2) as pool:
        work = list(jobs(options.kind or KINDS, options.count))
        for done in pool.imap(partial(measured, options=options), work):
            rows += done
            for row in done if options.each else ():
                said = "sure" if row.confident else "refused"
                print(
                    f"{row.name} {row.method}: {said}, {row.error_px:.2f} px, "
                    f"IoU {row.overlap:.2f}, astray {100 * row.astray:.2f}%",
                    flush=True,
                )
    printed([HEADINGS, *table(rows)])
    for method in dict.fromkeys(row.method for row in rows):
        anew = [r for r in rows if (r.method, r.kind) == (method, "refuse")]
        sorts = sorted({row.name.split("/")[1] for row in anew})
        told = (
            f"{sort} {_share(not r.confident for r in anew if f'/{sort}/' in r.name)}"
            for sort in sorts
        )
        if anew:
            print(f"{method} refused:", ", ".join(told))


if __name__ == "__main__":
    main()
