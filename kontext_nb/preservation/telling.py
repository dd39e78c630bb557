"""A measured change in words: each number with what it means beside it."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kontext_nb.preservation.measuring import Drift

Row = tuple[str, str, str]

# Of 255: what nobody sees in a whole picture is not worth a word.
_TOLD_TONE = 1.5


def line(seen: Drift) -> str:
    """Return the most important numbers in one line."""
    tone = f"tone {seen.tone.shift:+.0f}" if abs(seen.tone.shift) > _TOLD_TONE else ""
    words = (
        change(seen),
        str(seen.registration),
        tone,
        outside(seen) and f"outside: {outside(seen)}",
    )
    return " · ".join(filter(None, words))


def change(seen: Drift) -> str:
    """Say how much changed, and nothing of the rest."""
    if seen.ignored:
        return "nothing changed"
    if not seen.changed:
        return "only the tone changed"
    return f"changed {percent(seen.changed)}"


def outside(seen: Drift) -> str:
    """Say how well the rest was kept; "" where there is none, or none is found."""
    if math.isnan(seen.psnr_db) or not seen.registration.confident:
        return ""
    if math.isinf(seen.psnr_db):
        return "the same pixels"
    return f"PSNR {seen.psnr_db:.1f} dB"


def percent(share: float) -> str:
    """Return a share as people read it, to a tenth."""
    return f"{100 * share:.1f} %"


def rows(seen: Drift) -> Iterator[Row]:
    """Yield each number: its name, its value, and what it means."""
    found = seen.registration
    yield "changed", percent(seen.changed), "share of the picture that differs"
    if seen.ignored:
        yield "ignored", "yes", "nothing stands out from the noise of the way"
    if seen.everywhere:
        yield "everywhere", "yes", "too much differs for anything to count as kept"
    if found.confident:
        right, down = found.shift
        yield "shift", f"{right:.2f}, {down:.2f} px", "of the middle: right, down"
        wide, high = (100 * zoom for zoom in found.zoom)
        yield (
            "zoom",
            f"{wide:.2f}, {high:.2f} %",
            "beyond the plain resize: across, down",
        )
    else:
        yield "not registered", "", found.reason
    agree = "of the tiles with texture lie where the rest does"
    yield "agreement", percent(found.agreement), agree
    if seen.seen < 1:
        yield "seen", percent(seen.seen), "of the picture before; the rest was cut off"
    yield (
        "tone",
        f"{seen.tone.shift:+.1f}",
        "of 255, at middle grey; no change by itself",
    )
    noise = f"{seen.psnr_db:.1f} dB"
    yield "PSNR outside", noise, "above 40 unseen, below 30 seen by most"
    without = f"{seen.toned_psnr_db:.1f} dB"
    yield "without tone", without, "the same with the tone taken back"
    yield "SSIM outside", f"{seen.ssim:.3f}", "below 0.95 fine texture was redrawn"
    yield "ΔE outside", f"{seen.delta_e:.2f}", "in CIELAB; about 2 is just seen"


def table(seen: Drift) -> str:
    """Return all of it as text."""
    told = list(rows(seen))
    names, values = (max(len(row[n]) for row in told) for n in (0, 1))
    return "\n".join(
        f"{name:{names}}  {value:>{values}}  {meaning}" for name, value, meaning in told
    )


def page(seen: Drift) -> str:
    """Return all of it as HTML, with the map of the change."""
    told = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td>"
        f'<td style="text-align:left">{html.escape(meaning)}</td></tr>'
        for name, value, meaning in rows(seen)
    )
    small = seen.mask.copy()
    small.thumbnail((320, 320))
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    words = f"Map of the change, white: {percent(seen.changed)} of the picture"
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{words}" '
        'style="border:1px solid currentColor">'
        f"<figcaption>{words}</figcaption></figure><table>{told}</table>"
    )
