"""Archived jobs from outside: the same API, the same streams, the same page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import zstandard
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from jobs.models import ArchivedRange
from tests.support.archives import MARCH, ArchiveFolder, archive, ended, fed, open_archive, texts
from tests.support.live_server import LiveServer, live_server
from tests.support.services import Services

EVENTS = 2503


@pytest.fixture(scope="module")
def scene(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A web process, and an archived job of alice's team."""
    folder = tmp_path_factory.mktemp("archive")
    with (
        services.database() as url,
        live_server(url, services.valkey.url, REPRISE_ARCHIVE=str(folder)) as made,
        open_archive(services, url, folder) as archive_folder,
    ):
        alice = made.people.alice
        job = ended(outputs=EVENTS - 3, owner=alice.user, team=made.people.red)
        before = texts(job.pk)
        fed()
        archive(owner_url=archive_folder.owner_url)
        yield Scene(made, archive_folder, job.pk, before)


class Scene:
    """The stage, the storage, the job and its texts from before."""

    def __init__(
        self, live_server: LiveServer, archive_folder: ArchiveFolder, job: UUID, before: list[str]
    ) -> None:
        self.live_server, self.archive_folder, self.job, self.before = (
            live_server,
            archive_folder,
            job,
            before,
        )

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Get a path as alice."""
        own = self.live_server.people.alice.headers
        return httpx.get(f"{self.live_server.web.url}{path}", headers=own | headers, timeout=30)

    def cursor(self, seq: int) -> str:
        """The cursor of who has applied so many events."""
        return f"{seq}-{self.before[seq - 1][-66:-58]}"


def test_the_job_its_state_and_its_page(scene: Scene) -> None:
    head = scene.get(f"/api/jobs/{scene.job}").json()
    assert (head["status"], head["head"], head["seq"]) == ("succeeded", EVENTS, EVENTS)
    early = scene.get(f"/api/jobs/{scene.job}?at=2").json()
    assert (early["status"], early["seq"]) == ("running", 2)
    assert scene.get(f"/api/jobs/{scene.job}?at={scene.cursor(1500)}").status_code == 200
    browser = scene.live_server.people.alice.browser()
    assert browser.get(f"/jobs/{scene.job}").status_code == 200


@pytest.mark.parametrize("seq", [0, 1, 999, 1000, 1500, EVENTS - 1, EVENTS])
def test_pages_lines_and_streams_from_any_cursor(seq: int, scene: Scene) -> None:
    after = scene.cursor(seq) if seq else "0"
    page = scene.get(f"/api/jobs/{scene.job}/events?after={after}&limit=1000")
    rest = scene.before[seq : seq + 1000]
    assert page.json()["events"] == [json.loads(text) for text in rest]
    assert page.json()["end"] is (seq + 1000 >= EVENTS)
    assert all(text in page.text for text in rest)

    lines = scene.get(
        f"/api/jobs/{scene.job}/events?after={after}", Accept="application/x-ndjson"
    ).content
    assert lines.decode() == "".join(f"{text}\n" for text in scene.before[seq:])

    reported = scene.get(f"/api/jobs/{scene.job}/stream?rotate_s=0", **{"Last-Event-ID": after})
    blocks = [block.split("\n") for block in reported.text.split("\n\n")]
    data = [block[1].removeprefix("data: ") for block in blocks if block[0].startswith("id: ")]
    assert data == scene.before[seq:]


@pytest.mark.parametrize("last", [1000, 2000])
def test_pages_of_history_are_there(last: int, scene: Scene) -> None:
    listed = scene.get(f"/api/jobs/{scene.job}/pages").json()
    assert listed["pages"] == [scene.cursor(1000), scene.cursor(2000)]
    wanted = "".join(f"{text}\n" for text in scene.before[last - 1000 : last])
    for coding in ("identity", "gzip", "zstd"):
        for asked in (str(last), scene.cursor(last)):
            path = f"/api/jobs/{scene.job}/pages/{asked}"
            assert scene.get(path, **{"Accept-Encoding": coding}).text == wanted
    other = scene.get(f"/api/jobs/{scene.job}/pages/{last}-00000000")
    assert (other.status_code, other.json()["code"]) == (409, "history_diverged")


def test_a_page_is_sent_as_the_archive_has_it(scene: Scene) -> None:
    place = ArchivedRange.objects.select_related("archive").get(job=scene.job, first=1001)
    stored = (scene.archive_folder.folder / place.archive.name).read_bytes()
    url = f"{scene.live_server.web.url}/api/jobs/{scene.job}/pages/{scene.cursor(2000)}"
    own = scene.live_server.people.alice.headers | {"Accept-Encoding": "zstd"}
    with httpx.stream("GET", url, headers=own, timeout=30) as answer:
        sent = b"".join(answer.iter_raw())
    assert sent == stored[place.offset : place.offset + place.length]


@pytest.mark.parametrize("seq", [0, 999, 1000, 1500, EVENTS - 1, EVENTS])
def test_joined_pages_from_any_cursor(seq: int, scene: Scene) -> None:
    for after in {str(seq), scene.cursor(seq) if seq else "0"}:
        path = f"/api/jobs/{scene.job}/pages?after={after}"
        wanted = "".join(f"{text}\n" for text in scene.before[seq:])
        assert scene.get(path, Accept="application/x-ndjson").text == wanted
        packed = scene.get(path, Accept="application/zstd").content
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        assert reader.read().decode() == wanted


@pytest.mark.parametrize("order", ["up", "down"])
def test_a_search(order: str, scene: Scene) -> None:
    answer = scene.get(f"/api/jobs/{scene.job}/search?target=gs-001&order={order}")
    *found, end = [json.loads(line) for line in answer.text.splitlines()]
    shown = [json.loads(text) for text in scene.before if '"target":"gs-001"' in text]
    assert sorted(seq for line in found for seq in line.get("seqs", ())) == [
        event["seq"] for event in shown if event["type"] == "step.output"
    ]
    assert end["complete"]


def test_a_websocket_goes_to_the_end(scene: Scene) -> None:
    url = f"{scene.live_server.web.ws}/ws/jobs/{scene.job}/?after={scene.cursor(1200)}"
    with connect(url, additional_headers=scene.live_server.people.alice.headers) as socket:
        frames = [json.loads(frame) for frame in socket]
    kinds = [frame["kind"] for frame in frames]
    assert kinds[0] == "hello"
    assert kinds[-2:] == ["caught_up", "end"]
    events = [event for frame in frames for event in frame.get("events", ())]
    assert events == [json.loads(text) for text in scene.before[1200:]]


def test_another_history_is_refused(scene: Scene) -> None:
    answer = scene.get(f"/api/jobs/{scene.job}/events?after=1500-00000000")
    assert (answer.status_code, answer.json()["code"]) == (409, "history_diverged")


def test_the_history_says_what_it_no_longer_lists(scene: Scene) -> None:
    scene.live_server.job([])
    fed()
    answer = scene.get("/api/audit").json()
    assert answer["archived_before"] == str(MARCH.next)
    assert str(scene.job) not in {row["job"] for row in answer["events"]}
    page = scene.live_server.people.alice.browser().get("/history").content.decode()
    assert "from before 2025-04 are archived" in page


def test_an_archive_that_is_gone_is_410_and_4510(scene: Scene) -> None:
    [name] = scene.archive_folder.files
    path: Path = scene.archive_folder.folder / name
    aside = path.with_suffix(".aside")
    ours = ended(days=5, outputs=5, owner=scene.live_server.people.alice.user)
    path.rename(aside)
    try:
        ends = (
            "events",
            "stream",
            "pages",
            "pages/2000",
            f"pages/{scene.cursor(2000)}",
            "pages/3000",
        )
        for end in ends:
            answer = scene.get(f"/api/jobs/{scene.job}/{end}")
            assert (answer.status_code, answer.json()["code"]) == (410, "history_expired")
            assert answer.json()["first_available"] is None
        url = f"{scene.live_server.web.ws}/ws/jobs/{scene.job}/?after=0"
        with connect(url, additional_headers=scene.live_server.people.alice.headers) as socket:
            assert json.loads(socket.recv(timeout=30))["code"] == "history_expired"
            with pytest.raises(ConnectionClosedError):
                socket.recv(timeout=30)
        assert socket.close_code == 4510
        assert scene.get(f"/api/jobs/{ours.pk}/events").status_code == 200
    finally:
        aside.rename(path)
