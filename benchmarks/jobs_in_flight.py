"""What waiting for jobs costs: this engine beside fal-client and replicate.

    python benchmarks/jobs_in_flight.py [--rounds 2] [--in-flight 32 256]

One server on loopback, in a process of its own, speaks the three services' protocols:
a job is ready some seconds after its submit was read whole, its result is 1.5 MB. Each
client runs in a process of its own, and they take turns. A client that is not installed
is left out. Latency is the result in hand minus the job ready on the server. A round
takes about five minutes, most of it for clients that fall behind.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

RESULT = os.urandom(1_500_000)
WARM_JOB_S, LONG_JOB_S = 2.0, 10.0


@dataclass
class Service:
    """The jobs of the server, in whichever protocol they came."""

    job_s: float = WARM_JOB_S
    drops: bool = False  # take the submit, then hang up
    submits: int = 0
    ready_at: dict[str, float] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)  # requests per job

    def submit(self) -> str:
        """Take a job."""
        self.submits += 1
        name = f"j{self.submits}"
        self.ready_at[name] = time.monotonic() + self.job_s
        self.asked[name] = 1
        return name


class Connection(asyncio.Protocol):
    """HTTP as far as these clients speak it, cheaply: the server is not measured."""

    service = Service()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport, self.came = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self.came += data
        while (end := self.came.find(b"\r\n\r\n")) >= 0:
            head = self.came[:end].decode("latin-1")
            length = 0
            for line in head.lower().split("\r\n"):
                if line.startswith("content-length:"):
                    length = int(line[15:])
            if len(self.came) < end + 4 + length:
                return
            body, self.came = (
                self.came[end + 4 :][:length],
                self.came[end + 4 + length :],
            )
            method, path, _ = head.split(" ", 2)
            self.answer(method, path, head.lower(), body)

    def say(self, value: Any) -> None:
        """Send an answer."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        kind = "image/png" if data is RESULT else "application/json"
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}"
        self.transport.writelines([head.encode() + b"\r\n\r\n", data])

    def answer(self, method: str, path: str, head: str, body: bytes) -> None:
        """Answer one request in the protocol its path belongs to."""
        service = self.service
        origin = "http://" + head.partition("\r\nhost: ")[2].partition("\r\n")[0]
        parts = path.strip("/").split("/")
        if parts[0] == "control":
            self.say(control(service, json.loads(body)))
        elif parts[0] == "files":
            service.asked[parts[1]] += 1
            self.say(RESULT)
        elif method == "POST":
            name = service.submit()
            if service.drops:
                self.transport.close()
            elif "prefer: wait" in head:  # replicate: the answer may be held
                loop = asyncio.get_running_loop()
                loop.call_later(service.job_s, lambda: self.say(seen(name, origin)))
            else:
                self.say(seen(name, origin))
        else:
            name = next(part for part in parts if part in service.ready_at)
            service.asked[name] += 1
            self.say(seen(name, origin, path))


def seen(name: str, origin: str, path: str = "") -> dict[str, Any]:
    """Return a job in the words of all three protocols at once, where they agree."""
    ready = time.monotonic() >= Connection.service.ready_at[name]
    file, base = f"{origin}/files/{name}", f"{origin}/fal/app/requests/{name}"
    answer: dict[str, Any] = {"request_id": name, "id": name, "output": None}
    if path.startswith("/v1/requests"):  # RunComfy
        done = "succeeded" if path.endswith("/result") else "completed"
        answer["status"] = done if ready else "in_progress"
        answer["output"] = {"image": file} if ready else None
    elif path.startswith("/fal"):
        if not path.partition("?")[0].endswith("/status"):
            return {"images": [{"url": file}]}
        answer |= {"status": "COMPLETED" if ready else "IN_PROGRESS", "logs": None}
    else:  # replicate, and whatever a submit is answered with
        answer |= {"status": "succeeded" if ready else "processing", "input": {}}
        answer |= {"output": file if ready else None, "logs": "", "error": None}
        answer |= {"model": "a/b", "version": "v", "metrics": None, "urls": {}}
        answer |= {"created_at": None, "started_at": None, "completed_at": None}
        answer |= {"response_url": base, "status_url": base + "/status"}
        answer["cancel_url"] = base + "/cancel"
    return answer


def control(service: Service, wish: dict[str, Any]) -> dict[str, Any]:
    """Return what was counted, and begin anew with other settings."""
    counted = {
        "submits": service.submits,
        "ready_at": service.ready_at,
        "asked": service.asked,
    }
    if wish:
        Connection.service = Service(**wish)
    return counted


async def serve() -> None:
    """Serve until the process is ended; print the origin."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


Job = Callable[[], Awaitable[str]]
"""Does one job to the end; returns the service's id for it."""


class Held:
    """A result in memory, as the peers hold theirs."""

    def __init__(self) -> None:
        self.data = io.BytesIO()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.data.tell()

    def append(self, piece: bytes) -> None:
        """Take a piece."""
        self.data.write(piece)

    def restart(self) -> None:
        """Begin anew."""
        self.data = io.BytesIO()


def kontext_nb(origin: str) -> Job:
    """Return this engine, without the store."""
    from kontext_nb.engine.runner import Runner
    from kontext_nb.engine.wire import Wire
    from kontext_nb.lifecycle import after
    from kontext_nb.model import Job as Row
    from kontext_nb.model import Request, Secret
    from kontext_nb.providers.runcomfy import RunComfy

    base = origin + "/v1"
    provider = RunComfy(token=Secret.of("x" * 8), base=base, result_origin=origin)
    wire = Wire(None, "benchmark")
    inputs = {"prompt": "Make it night", "image_url": "https://example.com/a.png"}
    request = Request.of(inputs)
    taken: deque[float] = deque(maxlen=15)  # as the store keeps them in mind

    async def journal(job: Row, event: Any, **facts: Any) -> Row:
        return replace(job, state=after(job.state, event), **facts)

    async def keep(part: Held, *_: Any) -> str:
        check(part.data.getvalue())
        return "kept"

    async def job() -> str:
        runner = Runner(
            provider=provider,
            wire=wire,
            journal=journal,
            shelf=lambda: nullcontext(Held()),
            keep=keep,
            report=lambda _: None,
            expected_s=statistics.median(taken) if taken else None,
        )
        row = Row(id=uuid.uuid4().hex, request=request, ask="a", created_at=0.0)
        found = await runner.collect(await runner.submit(row, inputs))
        taken.append(found.waited_s)
        return found.job.request_id or ""

    return job


def fal_threads(origin: str) -> Job:
    """Return fal-client's blocking client, a thread a job."""
    import httpx

    client, files = fal_module(origin).SyncClient(key="x"), httpx.Client(timeout=60)

    def job() -> str:
        handle = client.submit("app/app", {"prompt": "x"})
        for _ in handle.iter_events():
            pass
        check(files.get(handle.get()["images"][0]["url"]).content)
        return str(handle.request_id)

    return lambda: asyncio.to_thread(job)


def fal_async(origin: str) -> Job:
    """Return fal-client's async client."""
    import httpx

    client, files = (
        fal_module(origin).AsyncClient(key="x"),
        httpx.AsyncClient(timeout=60),
    )

    async def job() -> str:
        handle = await client.submit("app/app", {"prompt": "x"})
        async for _ in handle.iter_events():
            pass
        found = await handle.get()
        check((await files.get(found["images"][0]["url"])).content)
        return str(handle.request_id)

    return job


def fal_module(origin: str) -> Any:
    """Return fal_client, turned to the server; it retries as often, but sooner."""
    import fal_client

    fal_client.client.QUEUE_URL_FORMAT = f"{origin}/fal/"
    fal_client.client.BASE_DELAY = 0.001
    return fal_client


def replicate_polling(origin: str) -> Job:
    """Return replicate's async client as it polls."""
    return replicate_job(origin, wait=False)


def replicate_held(origin: str) -> Job:
    """Return replicate's async client where the service holds its answer."""
    return replicate_job(origin, wait=True)


def replicate_job(origin: str, *, wait: bool) -> Job:
    """Return replicate's async client."""
    import replicate

    client = replicate.Client(api_token="x" * 8, base_url=origin)

    async def job() -> str:
        made = await client.models.predictions.async_create("a/b", {}, wait=wait)
        await made.async_wait()
        response = await client._async_client.get(made.output)
        check(response.content)
        return str(made.id)

    return job


CLIENTS = {
    "kontext_nb": ("kontext_nb", kontext_nb),
    "fal-client, threads": ("fal_client", fal_threads),
    "fal-client, async": ("fal_client", fal_async),
    "replicate, polling": ("replicate", replicate_polling),
    "replicate, held": ("replicate", replicate_held),
}


def check(data: bytes) -> None:
    """Refuse to time what did not arrive whole."""
    if len(data) != len(RESULT):
        raise ValueError(f"{len(data)} bytes arrived")


async def work(name: str, origin: str, jobs: int, in_flight: int) -> None:
    """Do the jobs, ``in_flight`` at a time, and print what they cost."""
    from concurrent.futures import ThreadPoolExecutor

    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(in_flight))
    job = CLIENTS[name][1](origin)
    left, done, errors = iter(range(jobs)), {}, []

    async def worker(turn: int) -> None:
        # Jobs begin and end all the time; in step, only the burst would be measured.
        await asyncio.sleep(WARM_JOB_S * turn / in_flight)
        for _ in left:
            try:
                found = await job()
                done[found] = time.monotonic()
            except Exception as error:  # noqa: BLE001 - a lost answer, by design
                errors.append(type(error).__name__)

    begun = time.process_time()
    await asyncio.gather(*(worker(turn) for turn in range(in_flight)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = time.process_time() - begun
    rss = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(json.dumps({"done": done, "cpu_s": cpu_s, "rss": rss, "errors": errors}))
    os._exit(0)  # open connections are the clients' business, not ours


def told(origin: str, **wish: Any) -> Any:
    """Tell the server what comes next; return what it counted."""
    data = json.dumps(wish).encode()
    with urllib.request.urlopen(f"{origin}/control", data) as reply:  # noqa: S310
        return json.load(reply)


def run(name: str, origin: str, jobs: int, in_flight: int, **wish: Any) -> Any:
    """Run one client in a process of its own; return what both sides counted."""
    told(origin, **({"job_s": WARM_JOB_S} | wish))
    me = [sys.executable, __file__, "--client", name, "--origin", origin]
    sizes = ["--jobs", str(jobs), "--in-flight", str(in_flight)]
    done = subprocess.run([*me, *sizes], stdout=subprocess.PIPE, check=True)  # noqa: S603
    return json.loads(done.stdout) | told(origin)


def percentiles(values: list[float]) -> str:
    """Return the median and the 95th percentile, in ms."""
    cut = statistics.quantiles(values, n=20)
    return f"{1000 * statistics.median(values):6.0f} /{1000 * cut[-1]:6.0f}"


def compare(origin: str, rounds: int, sizes: list[int]) -> None:
    """Print the tables."""
    here = [n for n, (module, _) in CLIENTS.items() if importlib.util.find_spec(module)]
    print("paid requests for one lost answer")
    for name in here:
        print(f"  {name:<22}{run(name, origin, 1, 1, drops=True)['submits']:4}")
    print(
        f"requests for a job of {LONG_JOB_S:.0f} s: the first one, and with experience"
    )
    for name in here:
        asked = list(run(name, origin, 12, 3, job_s=LONG_JOB_S)["asked"].values())
        print(f"  {name:<22}{max(asked[:3]):4}{max(asked[3:]):4}")
    for size in sizes:
        print(f"{size} jobs of {WARM_JOB_S:.0f} s in flight, latency p50 / p95 in ms")
        kept: dict[str, list[Any]] = {name: [] for name in here}
        for _ in range(rounds):
            for name in here:
                kept[name].append(run(name, origin, max(200, 3 * size), size))
        for name, runs in kept.items():
            late = [at - r["ready_at"][j] for r in runs for j, at in r["done"].items()]
            jobs = len(late)
            cpu = 1000 * sum(r["cpu_s"] for r in runs) / jobs
            asked = sum(sum(r["asked"].values()) for r in runs) / jobs
            rss = max(r["rss"] for r in runs)
            lost = sum(len(r["errors"]) for r in runs)
            print(
                f"  {name:<22}{percentiles(late)}   {cpu:5.1f} ms CPU and {asked:4.1f} "
                f"requests a job, {rss:4.0f} MB" + f", {lost} failed" * bool(lost)
            )


def main() -> None:
    """Serve, or be one of the clients, or run them all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[32, 256])
    for hidden in ("--client", "--origin"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client == "server":
        asyncio.run(serve())
    elif given.client:
        asyncio.run(work(given.client, given.origin, given.jobs, given.in_flight[0]))
    else:
        me = [sys.executable, __file__, "--client", "server"]
        with subprocess.Popen(me, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
            try:
                origin = (server.stdout or sys.stdin).readline().strip()
                compare(origin, given.rounds, given.in_flight)
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
