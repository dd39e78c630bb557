"""The values that travel through the house: frozen, checked when built, no I/O."""

from __future__ import annotations

import hashlib
import json
import operator
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, SupportsIndex

from kontext_nb.errors import ParameterRejected, PromptRejected
from kontext_nb.lifecycle import State

KONTEXT_PRO = "blackforestlabs/flux-1-kontext/pro/edit"

# No public page shows RunComfy's own list. These nine are what most Kontext hosts
# accept, so they are assumed until the model's live schema says otherwise.
ASPECT_RATIOS = ("21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21")

SEED_MAX = 2**31 - 1  # assumed: the bound other RunComfy schemas publish
PROMPT_MAX_CHARS = 4000
_ECHO_CHARS = 80
_MODEL_ID = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)+")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Secret:
    """A token that no repr, traceback frame or f-string shows.

    Args:
        reveal: A function that returns the text, so that the text itself is not an
            attribute anything could list.
    """

    reveal: Callable[[], str]

    @classmethod
    def of(cls, text: str) -> Secret:
        """Wrap ``text``."""
        return cls(lambda: text)

    def __repr__(self) -> str:
        """Say that there is one, and nothing of it."""
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into a file."""
        raise TypeError("a Secret is never written down")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """One edit as it is sent: all that makes two edits the same edit.

    Args:
        source: Digest of the source's pixels (see ``pixels.Picture.digest``).
        prompt: The instruction, 1 to 4000 characters.
        seed: 0 to 2**31 - 1, or None for "any".
        aspect_ratio: One of `ASPECT_RATIOS`, or None to follow the source.
        model: Model id at the provider.
        provider: Key of the provider, so that a demo edit never answers for a paid one.

    Raises:
        PromptRejected: The prompt is empty, too long, or has control characters.
        ParameterRejected: Seed, aspect ratio or model are not usable.
    """

    source: str
    prompt: str
    seed: int | None = None
    aspect_ratio: str | None = None
    model: str = KONTEXT_PRO
    provider: str = "demo"

    def __post_init__(self) -> None:
        """Check every field; bad input never becomes a request."""
        object.__setattr__(self, "prompt", checked_prompt(self.prompt))
        object.__setattr__(self, "seed", checked_seed(self.seed))
        checked_aspect_ratio(self.aspect_ratio)
        checked_model(self.model)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over all fields: equal requests have equal fingerprints."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        text = json.dumps(facts, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the ledger: a request, and what became of it.

    Args:
        id: Made by this machine before anything is sent.
        request: What is sent; its seed is always a number here.
        ask: Fingerprint of what the user asked for, where the seed may be open.
        state: See `lifecycle`.
        source_blob: Name of the source's blob.
        request_id: The service's id, once it gave one.
        result_blob: Name of the result's blob, once it is DONE.
        engine: What made the picture, as people should read it ("demo engine").
        created_at: Unix seconds.
        submitted_at: Unix seconds, once the service accepted it.
        finished_at: Unix seconds, once it is final.
        notices: What the user should know ("sent at 1448x1086 of 4000x3000").
        error: Why it failed.
    """

    id: str
    request: EditRequest
    ask: str
    source_blob: str
    created_at: float
    state: State = State.INTENT
    request_id: str | None = None
    result_blob: str | None = None
    engine: str | None = None
    submitted_at: float | None = None
    finished_at: float | None = None
    notices: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Args:
        state: See `lifecycle`.
        queue_position: Place in the service's queue, while it is queued.
        elapsed_s: Seconds since the job was sent.
        expected_s: Running median of past jobs, when there are any.
    """

    state: State
    queue_position: int | None = None
    elapsed_s: float = 0.0
    expected_s: float | None = None


def echo(value: object) -> str:
    """Show a rejected value: quoted, on one line, at most 80 characters.

    What people can read stays readable in any script. What would break the line, turn
    its direction or fit no file is escaped: controls, bidi marks, surrogates.
    """
    try:
        text = repr(value)[: _ECHO_CHARS + 1]
    except Exception:  # noqa: BLE001 - a stranger's repr; an int's has a limit
        text = f"<{type(value).__name__} that cannot be shown>"
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= _ECHO_CHARS else text[: _ECHO_CHARS - 1] + "…"


def checked_prompt(prompt: object) -> str:
    """Return the prompt, or refuse it.

    Raises:
        PromptRejected: Not text, empty, too long, or with characters no service reads.
    """
    if not isinstance(prompt, str):
        raise PromptRejected(
            f"The prompt must be text, not {type(prompt).__name__}.",
            'Write the change as one sentence, for example "Make it sunset".',
        )
    if not prompt.strip():
        raise PromptRejected(
            "The prompt is empty.",
            'Write the change as one sentence, for example "Make it sunset".',
        )
    if len(prompt) > PROMPT_MAX_CHARS:
        raise PromptRejected(
            f"The prompt has {len(prompt)} characters, more than {PROMPT_MAX_CHARS}.",
            "Say one change in one or two sentences, and make the next as a new edit.",
        )
    for char in prompt:
        if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t":
            raise PromptRejected(
                f"The prompt contains the control character {char!a}.",
                "Remove it; plain text, line breaks and tabs are fine.",
            )
    return prompt


def checked_seed(seed: object) -> int | None:
    """Return the seed as an int, or refuse it.

    Raises:
        ParameterRejected: Not a whole number from 0 to 2**31 - 1 (a bool is no number).
    """
    if seed is None:
        return None
    number = -1
    # NumPy's bool has a dtype, and in its first versions an index as well.
    truth = isinstance(seed, bool) or getattr(seed, "dtype", None) == "bool"
    if isinstance(seed, SupportsIndex) and not truth:
        # An array has __index__ too, and refuses if it holds more than a number.
        with suppress(TypeError):
            number = operator.index(seed)
    if not 0 <= number <= SEED_MAX:
        raise ParameterRejected(
            f"The seed {echo(seed)} is not a whole number from 0 to {SEED_MAX}.",
            "Give such a number, or leave it out to have one picked and recorded.",
        )
    return number


def checked_model(model: object) -> None:
    """Refuse what cannot be a model's id, before it becomes part of an address.

    Raises:
        ParameterRejected: Not lower-case words joined by slashes.
    """
    if not isinstance(model, str) or not _MODEL_ID.fullmatch(model):
        raise ParameterRejected(
            f"{echo(model)} is not a model id.",
            f'One looks like "{KONTEXT_PRO}".',
        )


def checked_aspect_ratio(aspect_ratio: object) -> None:
    """Refuse an aspect ratio that the model does not offer.

    Raises:
        ParameterRejected: It is none of `ASPECT_RATIOS`.
    """
    known = isinstance(aspect_ratio, str) and aspect_ratio in ASPECT_RATIOS
    if aspect_ratio is not None and not known:
        raise ParameterRejected(
            f"The aspect ratio {echo(aspect_ratio)} is not offered.",
            f"Use one of {', '.join(ASPECT_RATIOS)}, or leave it out to keep the "
            "source's.",
        )
