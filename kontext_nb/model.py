"""The values that travel through the house: frozen, checked when built, no I/O."""

from __future__ import annotations

import hashlib
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, SupportsIndex

from kontext_nb.errors import ParameterRejected, PromptRejected
from kontext_nb.lifecycle import State

KONTEXT_PRO = "blackforestlabs/flux-1-kontext/pro/edit"

# No public page shows RunComfy's own list. These nine are what most Kontext hosts
# accept, so they are assumed until the model's live schema says otherwise.
ASPECT_RATIOS = ("21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21")

SEED_MAX = 2**31 - 1  # assumed: the bound other RunComfy schemas publish
SEED_HIGHEST = 2**32 - 1  # of any model; what its own schema allows is checked by that
PROMPT_MAX_CHARS = 4000
_ECHO_CHARS = 80
_PICTURE = "picture:"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MODEL_ID = re.compile(r"(?!.{201})[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)+")


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
class Request:
    """One submit as it is sent: all that makes two edits the same edit.

    Args:
        model: Model id at the provider.
        provider: Key of the provider, so that a demo edit never answers for a paid one.
        body: The model's inputs as canonical JSON; `Request.of` writes it. A picture
            stands in it as `picture_mark` of its digest, so that equal pixels make
            equal requests whatever the file around them looked like.

    Raises:
        ParameterRejected: The model is no id, or the body is no JSON object.
    """

    model: str = KONTEXT_PRO
    provider: str = "demo"
    body: str

    def __post_init__(self) -> None:
        """Check what would become part of an address or could not be read back."""
        checked_model(self.model)
        try:
            readable = isinstance(json.loads(self.body), dict)
        except (TypeError, ValueError, RecursionError):
            readable = False
        if not readable:
            raise ParameterRejected(
                f"{echo(self.body)} are no inputs of a model.",
                'Give one JSON object, such as {"prompt": "Make it sunset"}.',
            )

    @classmethod
    def of(cls, inputs: Mapping[str, Any], **of: str) -> Request:
        """Return the request for these inputs.

        Args:
            inputs: What JSON can say, by the model's own names.
            **of: ``model`` and ``provider``.
        """
        return cls(body=_canonical(inputs), **of)

    @property
    def inputs(self) -> dict[str, Any]:
        """The model's inputs, with marks in the place of pictures."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def prompt(self) -> str:
        """The instruction; "" where the model has none."""
        found = self.inputs.get("prompt")
        return found if isinstance(found, str) else ""

    @property
    def seed(self) -> int | None:
        """The seed; None for any, or where the model has none."""
        found = self.inputs.get("seed")
        return found if type(found) is int else None

    @property
    def seed_text(self) -> str:
        """The seed as people read it; "" where the model has none."""
        return "" if self.seed is None else f"seed {self.seed}"

    @property
    def aspect_ratio(self) -> str | None:
        """The aspect ratio; None to follow the source."""
        found = self.inputs.get("aspect_ratio")
        return found if isinstance(found, str) else None

    @property
    def pictures(self) -> tuple[str, ...]:
        """The digests of its pictures, in the order of the inputs."""
        marked = (t for t in texts(self.inputs) if t.startswith(_PICTURE))
        return tuple(dict.fromkeys(text.removeprefix(_PICTURE) for text in marked))

    @property
    def options(self) -> dict[str, Any]:
        """The inputs that are neither prompt, seed, aspect ratio nor pictures."""
        named = {"prompt", "seed", "aspect_ratio"}
        return {
            name: value
            for name, value in self.inputs.items()
            if name not in named
            and not any(text.startswith(_PICTURE) for text in texts(value))
        }

    def having(self, **inputs: Any) -> Request:
        """Return the same request with some inputs set."""
        of = {"model": self.model, "provider": self.provider}
        return Request.of(self.inputs | inputs, **of)

    def filled(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the inputs as they travel.

        Args:
            addresses: What to send for each picture, by its digest.
        """

        def fill(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: fill(inner) for name, inner in value.items()}
            if isinstance(value, list):
                return [fill(inner) for inner in value]
            if isinstance(value, str) and value.startswith(_PICTURE):
                return addresses[value.removeprefix(_PICTURE)]
            return value

        return {name: fill(value) for name, value in self.inputs.items()}

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over all fields: equal requests have equal fingerprints."""
        facts = {"body": self.body, "model": self.model, "provider": self.provider}
        return hashlib.sha256(_canonical(facts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the ledger: a request, and what became of it.

    Args:
        id: Made by this machine before anything is sent.
        request: What is sent; its seed is always a number, if the model has one.
        ask: Fingerprint of what the user asked for, where the seed may be open.
        created_at: Unix seconds.
        pictures: Blob, or https address, of each of the request's pictures by digest.
        state: See `lifecycle`.
        owner: Which process claimed it for sending (see `store.owner`).
        claimed_at: Unix seconds of that claim.
        sends: How many paid requests for it the service may have taken.
        consents: When, in Unix seconds, the user had an unknown one sent again.
        request_id: The service's id, once it gave one.
        results: Names of the results' blobs, once it is DONE.
        output: The service's own description of the output, as JSON.
        engine: What made the picture, as people should read it ("demo engine").
        estimate_usd: What one sending was expected to cost, where that is known.
        cost_usd: What the service says it did cost, if it says.
        submitted_at: Unix seconds, once the service accepted it.
        took_s: Seconds from then until it ended there, where somebody watched.
        finished_at: Unix seconds, once it is final.
        notices: What the user should know ("sent at 1448x1086 of 4000x3000").
        error: Why it failed.
    """

    id: str
    request: Request
    ask: str
    created_at: float
    pictures: Mapping[str, str] = field(default_factory=dict)
    state: State = State.INTENT
    owner: str | None = None
    claimed_at: float | None = None
    sends: int = 0
    consents: tuple[float, ...] = ()
    request_id: str | None = None
    results: tuple[str, ...] = ()
    output: str | None = None
    engine: str | None = None
    estimate_usd: float | None = None
    cost_usd: float | None = None
    submitted_at: float | None = None
    took_s: float | None = None
    finished_at: float | None = None
    notices: tuple[str, ...] = ()
    error: str | None = None

    @property
    def may_have_been_charged(self) -> bool:
        """Whether the service may ask money for it; the demo engine never does."""
        return self.sends > 0 and self.request.provider != "demo"

    @property
    def told(self) -> dict[str, Any]:
        """What an error that is about this job says of it, as its arguments."""
        return {
            "job": self.id,
            "request_id": self.request_id,
            "state": self.state,
            "may_have_been_charged": self.may_have_been_charged,
        }

    @property
    def cost_text(self) -> str:
        """What it cost, or should by its price, as people read it."""
        if self.cost_usd is None:
            return price_text(self.estimate_usd)
        return f"${self.cost_usd:.2f}"

    @property
    def source(self) -> str:
        """Blob or address of the first picture; "" where the model takes none."""
        return next(map(self.pictures.__getitem__, self.request.pictures), "")

    @property
    def result(self) -> str:
        """Name of the first result's blob; "" until it is DONE."""
        return next(iter(self.results), "")


@dataclass(frozen=True, slots=True)
class Limits:
    """The user's own caps on what a store's paid edits may cost, all told.

    Args:
        budget_usd: US dollars; None for no cap.
        max_edits: Paid requests; None for no cap.
    """

    budget_usd: float | None = None
    max_edits: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Args:
        state: See `lifecycle`.
        queued: Whether the service said that it waits in its queue.
        queue_position: Place in that queue, if the service tells it.
        elapsed_s: Seconds since the job was sent.
        expected_s: Running median of past jobs, when there are any.
    """

    state: State
    queued: bool = False
    queue_position: int | None = None
    elapsed_s: float = 0.0
    expected_s: float | None = None


def price_text(usd: float | None) -> str:
    """Return what an edit should cost as people read it; unknown is never free."""
    return "price not known" if usd is None else f"about ${usd:.2f}"


def picture_mark(digest: str) -> str:
    """Return what stands for a picture in a request's inputs."""
    return _PICTURE + digest


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def texts(value: Any) -> Iterator[str]:
    """Go through all the texts in a JSON value, in their order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


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
    if bad := unreadable(prompt):
        raise PromptRejected(
            f"The prompt {bad}.", "Remove it; line breaks and tabs are fine."
        )
    return prompt


def unreadable(text: str) -> str | None:
    """Return what in a text no service reads, as the end of a sentence."""
    if not text.isprintable():  # of megabytes it tells at once that all is well
        if found := _CONTROL.search(text):
            return f"holds the control character {found[0]!a}"
        try:
            text.encode()
        except UnicodeEncodeError:
            return "holds half of a surrogate pair, which is no character"
    return None


def checked_seed(seed: object) -> int | None:
    """Return the seed as an int, or refuse it.

    Raises:
        ParameterRejected: Not a whole number from 0 to 2**32 - 1 (a bool is no number).
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
    if not 0 <= number <= SEED_HIGHEST:
        raise ParameterRejected(
            f"The seed {echo(seed)} is not a whole number from 0 to {SEED_HIGHEST}.",
            "Give such a number, or leave it out to have one picked and recorded.",
        )
    return number


def checked_model(model: object) -> None:
    """Refuse what cannot be a model's id, before it becomes part of an address.

    Raises:
        ParameterRejected: Not lower-case words joined by slashes, or over 200 long.
    """
    if not isinstance(model, str) or not _MODEL_ID.fullmatch(model):
        raise ParameterRejected(
            f"{echo(model)} is not a model id.", f'One looks like "{KONTEXT_PRO}".'
        )
