"""The demo engine's web side: an app that speaks RunComfy's Model API contract.

The same client code runs against it in process and over a socket. Every result names
its ``engine``, so nobody can take a picture made here for FLUX's.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kontext_nb.catalogue import found
from kontext_nb.demo.account import OPEN_PATHS, Accounts
from kontext_nb.demo.jobs import Edit, Job, Phase, Workshop
from kontext_nb.demo.schema import ENGINE, MODELS, BodyRejected, read_order
from kontext_nb.model import echo

if TYPE_CHECKING:
    from PIL import Image
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["MODELS", "ORIGIN", "create_app"]

ORIGIN = "https://demo.kontext-nb.invalid"
"""Origin of the app in process; a name that cannot exist on any network."""

MAX_BODY_BYTES = 64 * 1024 * 1024
_LIST_DEFAULT, _LIST_MAX = 100, 500


def create_app(
    *,
    origin: str,
    queue_s: float = 0.0,
    work_s: float = 0.0,
    workers: int = 2,
    token: str | None = None,
    edit: Edit | None = None,
) -> Starlette:
    """Return the app; it keeps its jobs to itself and needs no lifespan events.

    Args:
        origin: ``scheme://host[:port]`` it is reached at; its links start with it.
        queue_s: Seconds every job waits in the queue.
        work_s: Seconds every job takes on top of the pixel work.
        workers: Jobs in progress at a time.
        token: The one bearer token that is accepted; None accepts any.
        edit: The pixel work, instead of the demo engine's own.
    """
    shop = Workshop(edit or _demo_edit, queue_s=queue_s, work_s=work_s, workers=workers)
    accounts = Accounts(origin, token or "demo-engine")
    return Starlette(
        routes=[*_Service(origin, shop).routes(), *accounts.routes()],
        middleware=[Middleware(_Guard, token=token)],
        exception_handlers={HTTPException: _http_error, Exception: _broken},
    )


def _demo_edit(
    image: Image.Image, prompt: str, seed: int, aspect_ratio: str | None
) -> Image.Image:
    from kontext_nb.demo import effects, grammar

    return effects.apply(image, grammar.parse(prompt), seed, aspect_ratio)


class _Guard:
    """Asks for the bearer token, but not at a login, nor at the CDN.

    The CDN must not even see one.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        sent = Headers(scope=scope).get("authorization")
        if scope["path"].startswith(OPEN_PATHS):
            return None
        if scope["path"].startswith("/cdn/"):
            if sent is None:
                return None
            return _error(403001, "Results are public: keep the token from the CDN.")
        scheme, _, given = (sent or "").partition(" ")
        wanted = given if self._token is None else self._token
        same = hmac.compare_digest(given.encode(), wanted.encode())
        if scheme.lower() == "bearer" and given.strip() and same:
            return None
        return _error(401001, "Send the header Authorization: Bearer <token>.")


class _Service:
    """The endpoints, over one workshop."""

    def __init__(self, origin: str, shop: Workshop) -> None:
        self._origin = origin
        self._shop = shop

    def routes(self) -> Iterator[Route]:
        """List the endpoints; the first that matches answers."""
        yield Route("/v1/models", _list_models)
        yield Route("/v1/models/categories", _categories)
        yield Route("/v1/models/{model_id:path}", _one_model)
        yield Route("/v1/models/{model_id:path}", self.submit, methods=["POST"])
        yield Route("/v1/requests/{job_id}/status", self.status)
        yield Route("/v1/requests/{job_id}/result", self.result)
        yield Route("/v1/requests/{job_id}/cancel", self.cancel, methods=["POST"])
        yield Route("/cdn/{job_id}.png", self.picture)

    async def submit(self, request: Request) -> Response:
        """Take an order."""
        raw = await _body(request)
        model_id = _model(request)["model_id"]
        try:
            order = await asyncio.to_thread(read_order, raw, model_id)
        except BodyRejected as error:
            return _error(422001, str(error), detail=error.detail)
        job = self._shop.submit(order)
        return JSONResponse(self._links(job, "status", "result", "cancel"))

    async def status(self, request: Request) -> Response:
        """Say where a job is."""
        job = self._job(request)
        facts: dict[str, Any] = {"status": job.phase}
        if job.phase is Phase.IN_QUEUE:
            facts["queue_position"] = self._shop.position(job)
        return JSONResponse(self._links(job, "status", "result") | facts)

    async def result(self, request: Request) -> Response:
        """Give the result, or the current state while there is none."""
        job = self._job(request)
        facts: dict[str, Any] = {
            "request_id": job.id,
            "status": job.phase,
            "created_at": job.created_at.isoformat(),
            "seed": job.seed,
            "engine": ENGINE,
        }
        if job.finished_at is not None:
            facts["finished_at"] = job.finished_at.isoformat()
        if job.error is not None:
            facts |= {"status": "failed", "error": job.error}
        elif job.phase is Phase.COMPLETED:
            image = f"{self._origin}/cdn/{job.id}.png"
            facts |= {"status": "succeeded", "output": {"image": image}}
        if request.query_params.get("include_cost") == "true":
            facts["cost"] = 0.0
        return JSONResponse(facts)

    async def cancel(self, request: Request) -> Response:
        """Cancel a job that is still queued."""
        job = self._job(request)
        outcome = "cancelled" if self._shop.cancel(job) else "not_cancellable"
        facts = {"request_id": job.id, "status": job.phase, "outcome": outcome}
        return JSONResponse(facts, status_code=202)

    async def picture(self, request: Request) -> Response:
        """Give the picture, to anyone who knows its address."""
        job = self._job(request)
        if not job.png:
            raise _no_such(job.id)
        return Response(job.png, media_type="image/png", headers={"etag": job.etag})

    def _job(self, request: Request) -> Job:
        job_id = request.path_params["job_id"]
        job = self._shop.find(job_id)
        if job is None:
            raise _no_such(job_id)
        return job

    def _links(self, job: Job, *verbs: str) -> dict[str, Any]:
        base = f"{self._origin}/v1/requests/{job.id}"
        links = {f"{verb}_url": f"{base}/{verb}" for verb in verbs}
        return {"request_id": job.id} | links


async def _list_models(request: Request) -> Response:
    asked = request.query_params
    try:
        limit = int(asked.get("limit", _LIST_DEFAULT))
        offset = int(asked.get("offset", 0))
    except ValueError:
        limit = offset = -1
    if not (1 <= limit <= _LIST_MAX and offset >= 0):
        return _error(422001, f"limit is 1 to {_LIST_MAX}, offset is 0 or more.")
    hidden = set() if asked.get("include_schema") == "true" else {"input_schema"}
    rows = found(asked.get("search", ""), asked.get("category"))
    entries = [
        {key: v for key, v in MODELS[row.model_id].items() if key not in hidden}
        for row in rows
    ]
    page = entries[offset : offset + limit]
    return JSONResponse({"models": page, "total": len(entries)})


async def _categories(_: Request) -> Response:
    names = {name for entry in MODELS.values() for name in entry["categories"]}
    return JSONResponse({"categories": sorted(names)})


async def _one_model(request: Request) -> Response:
    return JSONResponse(_model(request))


def _model(request: Request) -> Any:
    model_id = request.path_params["model_id"]
    if model_id not in MODELS:
        raise HTTPException(400, f"There is no model {echo(model_id)}.")
    return MODELS[model_id]


async def _body(request: Request) -> bytes:
    """Read the body, within the limit.

    The rest of a larger one is read and dropped: a client that is still sending would
    see a broken connection in place of the answer.
    """
    body, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if size <= MAX_BODY_BYTES:
            body += piece
    if size > MAX_BODY_BYTES:
        raise HTTPException(
            413, f"The request is larger than {MAX_BODY_BYTES // 2**20} MiB."
        )
    return bytes(body)


def _no_such(job_id: str) -> HTTPException:
    return HTTPException(404, f"There is no request {echo(job_id)}, or it has expired.")


def _http_error(_: Request, error: Exception) -> Response:
    """Put Starlette's own refusals (no such path or method) in the contract's shape."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    return _error(error.status_code * 1000 + 1, error.detail)


async def _broken(_: Request, error: Exception) -> Response:
    """Answer for a fault of our own; the server still gets the exception to log."""
    return _error(500001, f"The {ENGINE} broke on this call ({type(error).__name__}).")


def _error(code: int, message: str, **more: Any) -> Response:
    """Answer with the HTTP status that the code's first three digits name."""
    facts = {"error_code": code, "error_message": message} | more
    return JSONResponse(facts, status_code=code // 1000)
