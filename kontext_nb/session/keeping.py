"""What a step shows in the place of the model's picture, and what the model changed.

Both are worked out once, when the edit is made, and kept: a view only looks them up.
The model's picture is paid for, so whatever goes wrong here, it is shown.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from kontext_nb import pixels
from kontext_nb.chain import Keeping, Kept, Step
from kontext_nb.errors import KontextError, StoreError
from kontext_nb.lifecycle import State
from kontext_nb.model import echo
from kontext_nb.preservation import MEANING, Drift, drift, prefit, preserve
from kontext_nb.session.measured import drift_of, numbers_of
from kontext_nb.session.orders import is_address
from kontext_nb.store.measures import Measure, Measures

if TYPE_CHECKING:
    from PIL.Image import Image

    from kontext_nb.session.desk import Desk


def kept(desk: Desk, step: Step) -> Step:
    """Return a step with what it shows, which is worked out unless it is known.

    What it changed is measured, too. Nothing is raised: the step then shows the model's
    picture, and says why.

    Args:
        desk: Where it is kept.
        step: Any; only one whose job is DONE, and whose source is here, has something.
    """
    if step.job.state is not State.DONE or not is_here(step.source):
        return step
    wanted = step.keeping != Keeping()
    try:
        if wanted and not _is_made(desk, step):
            step = _made(desk, step)
    except StoreError as error:  # the disk's fault: it may be better next time
        return replace(step, kept=Kept(reason=error.problem))
    except Exception as error:  # noqa: BLE001 - nothing may stand before what was paid for
        # Kept, so that what is edited next has the same picture before it every time.
        failed = Kept(reason=_said(error))
        with suppress(StoreError):
            return desk.ledger.keep(step, failed)
        return replace(step, kept=failed)
    with suppress(Exception):
        _make_known(desk, step.source, step.raw)
        if step.parent and not step.kept.picture:  # else it drifted no further
            _make_known(desk, root_of(desk, step), step.result)
    return step


def is_here(blob: str) -> bool:
    """Tell whether a picture is in the store: no address, and not none at all."""
    return bool(blob) and not is_address(blob)


def root_of(desk: Desk, step: Step) -> str:
    """Return the blob or address of the picture that a step's chain starts from."""
    return (desk.ledger.root(step.id) or step).source


def _is_made(desk: Desk, step: Step) -> bool:
    if step.kept == Kept():
        return False
    made = filter(None, (step.kept.picture, step.kept.cut))
    return all(map(desk.blobs.holds, made))


def _made(desk: Desk, step: Step) -> Step:
    """Work out what a step shows, and keep it."""
    cut = _cut(desk, step) if step.keeping.source else ""
    shown = Kept(cut=cut)
    if step.keeping.preserve:
        try:
            shown = _preserved(desk, step, shown)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - what was cut out is shown
            shown = replace(shown, reason=_said(error))
    return desk.ledger.keep(step, shown)


def _cut(desk: Desk, step: Step) -> str:
    """Take the margins off that were sent, and return the blob of the rest."""
    before, result = (_shown(desk, b) for b in (step.source, step.job.result))
    return _put(desk, prefit(pixels.on_white(before)).undone(result))


def _preserved(desk: Desk, step: Step, shown: Kept) -> Kept:
    """Set the change into the picture before."""
    raw = shown.cut or step.job.result
    before, after = (_shown(desk, b) for b in (step.source, raw))
    mask = step.keeping.mask and _shown(desk, step.keeping.mask)
    done = preserve(before, after, mask=mask or None)
    _remember(desk, step.source, raw, done.drift)
    if done.reason:
        return replace(shown, reason=done.reason)
    return replace(shown, picture=_put(desk, done.image))


def _shown(desk: Desk, blob: str) -> Image:
    return pixels.load_image(desk.blobs.get(blob))


def _put(desk: Desk, image: Image) -> str:
    return desk.blobs.put(pixels.encode_png(image), ".png")


def _said(error: Exception) -> str:
    """Return why something could not be worked out, as a sentence."""
    if isinstance(error, KontextError):
        return error.problem
    return f"It could not be worked out: {type(error).__name__} {echo(str(error))}."


def measured(desk: Desk, before: str, after: str) -> Drift:
    """Return how two pictures of the store differ; a pair is measured once.

    Args:
        desk: Where they are kept.
        before: The one's blob.
        after: The other's.

    Raises:
        StoreError: One of them is missing or damaged.
        ImageRejected: One of them is no picture.
    """
    known = recalled(desk, before, after, whole=True)
    if known:
        return known
    seen = drift(*(_shown(desk, blob) for blob in (before, after)))
    _remember(desk, before, after, seen)
    return seen


def _make_known(desk: Desk, before: str, after: str) -> None:
    if is_here(before) and recalled(desk, before, after) is None:
        measured(desk, before, after)


def recalled(
    desk: Desk, before: str, after: str, *, whole: bool = False
) -> Drift | None:
    """Return what was measured of a pair; None if it was not.

    Args:
        desk: Where they are kept.
        before: The one's blob.
        after: The other's.
        whole: With the map of the change, and not only its numbers.
    """
    found = _measures(desk).get(before, after)
    if found is None:
        return None
    with suppress(StoreError, LookupError, TypeError, ValueError):
        return drift_of(found.numbers, _map(desk, found.mask) if whole else _no_map())
    return None


def _map(desk: Desk, blob: str) -> Image:
    return _shown(desk, blob).getchannel(0)


def _no_map() -> Image:
    from PIL import Image as PILImage

    return PILImage.new("L", (1, 1))


def _remember(desk: Desk, before: str, after: str, seen: Drift) -> None:
    # Where nothing can be written it is measured again.
    with suppress(StoreError):
        mask = _put(desk, seen.mask)
        _measures(desk).put(before, after, Measure(numbers_of(seen), mask))


def _measures(desk: Desk) -> Measures:
    return Measures(desk.ledger, MEANING)
