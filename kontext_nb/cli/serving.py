"""``kontext-nb serve``: the demo engine on this machine, as if it were the API."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from kontext_nb.cli.choices import Finite
from kontext_nb.cli.speech import note
from kontext_nb.errors import SetupIncomplete

if TYPE_CHECKING:
    import socket


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="NUMBER",
    default=8787,
    show_default=True,
    help="0 takes any free one.",
)
@click.option(
    "--seconds",
    type=Finite(0, 600),
    metavar="SECONDS",
    default=0.0,
    help="How long an edit pretends to take.",
)
def serve(port: int, seconds: float) -> None:
    """Serve the demo engine on this machine, as if it were the RunComfy API."""
    import logging

    try:
        import uvicorn
    except ImportError:
        from kontext_nb.session.checkup import installing

        raise SetupIncomplete(
            "serve needs uvicorn, which is not installed.", installing("uvicorn")
        ) from None
    from kontext_nb.demo.app import create_app

    with _listening(port) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        note(
            "The demo engine is ready; Ctrl-C ends it. In another shell, say:\n"
            f"export RUNCOMFY_MODEL_API_BASE={origin}/v1\n"
            f"export RUNCOMFY_SERVERLESS_API_BASE={origin}/prod/v2\n"
            f"export RUNCOMFY_WEB_BASE={origin}\n"
            "export RUNCOMFY_TOKEN=demo-engine",
        )
        logging.basicConfig(format="%(message)s")
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
        app = create_app(origin=origin, work_s=seconds)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        with suppress(KeyboardInterrupt):
            server.run([listener])


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on this machine's ``port``.

    Raises:
        SetupIncomplete: It is in use, or not for everybody.
    """
    import socket

    # asyncio sends small answers at once only on sockets that name their protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # else it would share a port that is in use
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise SetupIncomplete(
            f"Port {port} cannot be served: {error.strerror}.",
            "Give another one with --port, or --port 0 for any that is free.",
        ) from None
    return listener
