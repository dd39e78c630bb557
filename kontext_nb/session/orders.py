"""What the user wants, and which earlier jobs may answer it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kontext_nb import pixels
from kontext_nb.chain import Keeping
from kontext_nb.lifecycle import CAME_TO_NOTHING, OPEN, State
from kontext_nb.pixels import Picture
from kontext_nb.session import cell as cells
from kontext_nb.session.addresses import (
    checked_address,
    decoded,
    has_scheme,
    is_data_url,
)
from kontext_nb.store.blobs import name_of

MASK_SUFFIX = ".png"
WORTH_KEEPING = frozenset(State) - CAME_TO_NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the user wants, before it is known whether it must be made.

    Args:
        source: The picture, or the https address it has; "" where there is none.
        prompt: The instruction; None where ``inputs`` holds all there is, pictures
            too.
        chain: Id of the chain the step belongs to.
        parent: The step the source came from; None for a chain's first picture.
        seed: None for any.
        aspect_ratio: None to follow the source.
        cell: The cell that asks, if one does.
        place: Where the chain belongs, if it is not one of its own.
        refresh: Have it made anew even where the store has it.
        references: Further pictures, for a model that takes several.
        inputs: Further inputs, by the model's own names.
        preserve: Whether only the change is to be taken over into the source.
        mask: Where the change may show, as a PNG; empty for the change that is found.
        sent: What is sent in the place of the source; None for the source itself.
    """

    source: Picture | str
    prompt: str | None
    chain: str
    parent: str | None = None
    seed: int | None = None
    aspect_ratio: str | None = None
    cell: cells.Cell | None = None
    place: str | None = None
    refresh: bool = False
    references: tuple[Picture | str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    preserve: bool = False
    mask: bytes = b""
    sent: Picture | None = None

    @property
    def keeping(self) -> Keeping:
        """What its step is to show in the place of the model's picture."""
        mask = name_of(self.mask, MASK_SUFFIX) if self.mask else ""
        source = ""
        if self.sent and isinstance(self.source, Picture):
            source = name_of(self.source.encoded, self.source.suffix)
        return Keeping(preserve=self.preserve, mask=mask, source=source)

    @property
    def worth_keeping(self) -> frozenset[State]:
        """In which states this very call's own job answers it."""
        # What is under way is waited for also by who wants it anew: it is just that.
        # And what may have been charged is never sent again by asking again.
        return OPEN if self.refresh else WORTH_KEEPING

    def adoptable(self, call: cells.Call | None) -> frozenset[State]:
        """Return in which states another job for the same ask may answer.

        Args:
            call: The asking call, if a cell asks.
        """
        if self.refresh or self.seed is not None:
            return self.worth_keeping
        # Without a seed each call of a cell has its own; a shell or button has no call.
        return frozenset() if call else OPEN

    @property
    def answers(self) -> frozenset[State]:
        """In which states some job for the same ask is likely to answer.

        Where a cell asks it may be its own. What is yet to be sent answers nothing.
        """
        states = self.worth_keeping if self.cell else self.adoptable(None)
        return states - {State.INTENT}

    @property
    def shares_what_is_in_hand(self) -> bool:
        """Whether a job this process is waiting for already may answer as well.

        Without a seed, two edits started side by side are meant to be two.
        """
        return self.seed is not None and not self.refresh


def is_address(source: str) -> bool:
    """Tell an address, which the service fetches itself, from a blob's name."""
    return source.startswith("https://")


def source_of(given: Any) -> Picture | str:
    """Return what a user gave as a picture, or as the address it travels as.

    None is no picture, for a model that makes one from words: "".

    Raises:
        ImageRejected: Neither.
    """
    if given is None:
        return ""
    if isinstance(given, str) and is_data_url(given):
        return decoded(given)
    if isinstance(given, str) and has_scheme(given):
        return checked_address(given)
    return pixels.load(given)


def chain_id(source: Picture | str, cell: cells.Cell | None) -> str:
    """Return the id of a chain: the cell's own, or a new one without a cell."""
    if cell is None:
        return uuid.uuid4().hex
    picture = source if isinstance(source, str) else source.digest
    return hashlib.sha256(f"{cell.key}\n{picture}".encode()).hexdigest()[:32]
