"""The second server holds to the same protocol: order, refusals, backpressure."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import websockets

from tests.integration import test_streams_backpressure as backpressure
from tests.integration import test_streams_conformance as conformance
from tests.services import Services
from tests.stage import Stage, stage

follow = conformance.follow
headers = conformance.headers

test_history_then_live_then_the_end = conformance.test_history_then_live_then_the_end
test_cut_at_any_cursor_it_goes_on = conformance.test_cut_at_any_cursor_it_goes_on_where_it_was
test_from_the_terminal_event = conformance.test_from_the_terminal_event_there_is_only_the_end
test_silence_is_broken_by_heartbeats = conformance.test_silence_is_broken_by_heartbeats
test_a_refusal_says_why = conformance.test_a_refusal_says_why
test_a_session_may_follow = conformance.test_a_session_may_follow_as_a_token_may
test_an_export_is_the_whole_log = conformance.test_an_export_is_the_whole_log_a_line_an_event
test_a_socket_that_reads_nothing = (
    backpressure.test_a_socket_that_reads_nothing_is_not_written_to_without_end
)
test_a_stream_that_reads_nothing = (
    backpressure.test_a_stream_that_reads_nothing_is_not_written_to_without_end
)


@pytest.fixture(scope="module")
def scene(services: Services) -> Iterator[Stage]:
    """A web process of uvicorn's."""
    with (
        services.database() as database_url,
        stage(
            database_url, services.valkey.url, "uvicorn", REPRISE_HEARTBEAT_SECONDS="0.5"
        ) as staged,
    ):
        yield staged


async def test_the_log_has_no_ticket(scene: Stage) -> None:
    url = f"{scene.web.ws}/ws/jobs/{await scene.new_job()}/?ticket=not-to-be-logged"
    async with websockets.connect(url) as opened:
        assert "not_signed_in" in str(await opened.recv())
    async with httpx.AsyncClient(base_url=scene.web.url) as client:
        await client.get("/api/jobs/x/stream?ticket=not-to-be-logged")
    assert "not-to-be-logged" not in scene.web.log.read_text()
