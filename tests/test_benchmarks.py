"""A benchmark that no longer runs tells nothing."""

import asyncio

from benchmarks import jobs_in_flight
from tests import faulty


def test_the_job_that_is_timed_comes_to_its_end(monkeypatch):
    """The engine's part of the comparison with other clients: paid once, and kept."""
    monkeypatch.setattr(jobs_in_flight, "RESULT", faulty.png())
    with faulty.serve() as service:
        job = jobs_in_flight.kontext_nb(service.origin)
        assert asyncio.run(job()) == faulty.REQUEST_ID
        assert service.paid == 1
