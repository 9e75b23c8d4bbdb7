"""The receivers that docs/how-to/receive-webhooks.md shows, against deliveries as they are sent."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from core import clock
from jobs.feed.webhooks import sign_request
from ops.embedded import ports
from ops.setup.clone import ROOT
from tests.integration.test_webhooks import Other, ended_job, failures, listening, run, told
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database")
PAGE = ROOT / "docs" / "how-to" / "receive-webhooks.md"
STANDARD = "whsec_" + base64.b64encode(b"a key of at least 24 bytes").decode()
FRAMING = {"Host", "Content-Length"}
PLAIN = "between us"
REPLAYED_LATE = timedelta(minutes=5, seconds=10)
LIBRARY, BY_HAND = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@dataclass
class Receiver:
    """The page's receiver, running: where it listens, and what it prints."""

    url: str
    output: IO[str]

    def post(self, headers: Mapping[str, str], body: bytes) -> int:
        """Send a request again as it was recorded, or altered; return the answer's status."""
        ours = {name: text for name, text in headers.items() if name not in FRAMING}
        return httpx.post(self.url, content=body, headers=ours, timeout=60).status_code


@contextmanager
def receiving(folder: Path, secret: str) -> Iterator[Receiver]:
    """Run the receiver of the page as the page says."""
    port = ports.free()
    (folder / "receiver.py").write_text(LIBRARY)
    env = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "receiver.py"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            until(lambda: _listens(port), "the receiver")
            assert process.stdout
            yield Receiver(f"http://127.0.0.1:{port}/hook", process.stdout)
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}", timeout=1).status_code > 0
    except httpx.HTTPError:
        return False


def recorded(secret: str) -> tuple[dict[str, str], bytes]:
    """Deliver one event to a server that records it; return its headers and body."""
    other = Other()
    with listening(other), told(other.url, secret) as consumer:
        ended_job("Recorded")
        run(consumer)
    [(headers, body)] = other.got
    return headers, body


def test_the_receiver_takes_each_delivery_once_and_refuses_forgeries(tmp_path: Path) -> None:
    headers, body = recorded(STANDARD)
    with receiving(tmp_path, STANDARD) as receiver:
        with told(receiver.url, STANDARD) as consumer:
            ended_job("Delivered")
            run(consumer)
        assert failures() == 0
        assert receiver.output.readline() == "Delivered succeeded\n"
        assert receiver.post(headers, body) == 204
        assert receiver.output.readline() == "Recorded succeeded\n"
        assert receiver.post(headers, body) == 204  # again: acknowledged, and not handled again
        assert receiver.post(headers, body.replace(b"succeeded", b"failed")) == 401
        assert receiver.post({**headers, "webhook-id": "another/4"}, body) == 401
        assert receiver.post({**headers, "webhook-signature": "v1,"}, body) == 401
        assert receiver.post({**headers, "webhook-signature": "nothing"}, body) == 401
        late = sign_request(STANDARD, "another/4", body, clock.now() - REPLAYED_LATE)
        assert receiver.post({**headers, **late}, body) == 401
        other = sign_request("whsec_b3RoZXI=", "another/4", body, clock.now())
        assert receiver.post({**headers, **other}, body) == 401
        soon = sign_request(STANDARD, "another/5", body, clock.now())
        assert receiver.post({**headers, **soon}, body) == 204
        assert receiver.output.readline() == "Recorded succeeded\n"


def by_hand() -> Callable[[str, Mapping[str, str], bytes], None]:
    names: dict[str, Any] = {}
    exec(compile(BY_HAND, str(PAGE), "exec"), names)
    verify: Callable[[str, Mapping[str, str], bytes], None] = names["verify"]
    return verify


@pytest.mark.parametrize("secret", [STANDARD, PLAIN, "ein Wort “für” uns"])
def test_the_check_by_hand_refuses_what_is_altered_or_late(secret: str) -> None:
    verify = by_hand()
    headers, body = recorded(secret)
    verify(secret, httpx.Headers(headers), body)
    late = sign_request(secret, headers["webhook-id"], body, clock.now() - REPLAYED_LATE)
    altered = body.replace(b"succeeded", b"failed")
    for wrong, changed, text in (
        (secret, headers, altered),
        ("other", headers, body),
        (secret, {**headers, "webhook-id": "another/4"}, body),
        (secret, {**headers, **late}, body),
    ):
        with pytest.raises(ValueError, match=r"altered|too long ago"):
            verify(wrong, httpx.Headers(changed), text)


def test_a_library_takes_a_plain_secret_as_base64(tmp_path: Path) -> None:
    headers, body = recorded(PLAIN)
    standard = "whsec_" + base64.b64encode(PLAIN.encode()).decode()
    with receiving(tmp_path, standard) as receiver:
        assert receiver.post(headers, body) == 204
