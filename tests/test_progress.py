"""The line of an edit says what is known of it, and no more."""

import pytest
from PIL import Image

from kontext_nb.session.asking import open_chain
from kontext_nb.session.progress import Watch
from tests import faulty
from tests.billing import as_environment
from tests.faulty import as_json

SOURCE = Image.new("RGB", (16, 12), (200, 30, 30))
ENDED = as_json({"status": "completed"})


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ({"status": "in_queue", "queue_position": 3}, "queued, place 3"),
        ({"status": "in_queue"}, "queued"),
        ({"status": "in_progress"}, "working"),
    ],
)
def test_the_line_waits_for_the_services_word(monkeypatch, first, words):
    """Until the service said where the job is, it was sent and nothing more."""
    lines, watch = [], Watch("Kontext")

    def report(progress):
        watch.report(progress)
        lines.append(watch.text().split(" · ")[1])

    with faulty.serve(status=[as_json(first), ENDED]) as service:
        for name, value in as_environment(service.origin).items():
            monkeypatch.setenv(name, value)
        task = open_chain(SOURCE).begin(
            "Make it night", seed=7, report=report, ended=lambda _: None
        )
        task.result()
    assert lines[:3] == ["sending", "sent", words]
