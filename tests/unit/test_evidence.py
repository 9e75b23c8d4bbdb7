"""Evidence: what a seal vouches for, and forgeries whose checks were all made anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.records.evidence import describe_evidence, verify_record
from core.records.keys import fingerprint_of, raw_key
from core.records.record import RecordInvalid, header_line, make_header, read_record, record_lines
from core.records.seal_text import FIRST_PREVIOUS, SealText, digest_of, head_line
from core.records.tree import Tree
from jobs.events import next_hash, split_hash, with_hash
from tests.support.histories import JOB, SUBMITTED, chained, event, greeting

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = raw_key(KEY.public_key())
OTHERS = [UUID(int=number) for number in range(1, 5)]
APPROVED = [
    *greeting()[:2],
    event("job.approval_requested", {"gate": "go", "words": "Go?"}),
    event("job.approved", {"gate": "go", "reason": "Fine."}, actor="user:vera"),
    *greeting()[2:],
]
TEXTS = chained(APPROVED)


def sealed(texts: list[str], seq: int, *, root: bool = True) -> dict[str, Any]:
    """Return what a header has of a seal of this head and four others'."""
    digest = split_hash(texts[seq - 1])[1]
    heads = sorted([(JOB, seq, digest), *((job, 3, "ab" * 32) for job in OTHERS)])
    lines = [head_line(*head) for head in heads]
    tree = Tree(heads.index((JOB, seq, digest)))
    for line in lines:
        tree.add(line.encode())
    found = digest_of(lines)
    tree.root()
    text = SealText(
        1, "2026-01-02T03:04:05.000006Z", FIRST_PREVIOUS, found.count, found.digest, PUBLIC,
        root=found.root if root else None,
    )  # fmt: skip
    path = [one.hex() for one in tree.path]
    return {"line": text.signed(KEY), "seq": seq, "index": tree.index, "path": path}


SEAL = sealed(TEXTS, 9)
HEADER = make_header(
    JOB, TEXTS, reprise="0.1.0", seal=SEAL, evidence=describe_evidence(TEXTS, SEAL)
)


def verified(header: dict[str, Any], texts: list[str] = TEXTS, *keys: str) -> object:
    return verify_record(read_record(record_lines(header, texts)), keys)


def test_evidence_says_what_was_asked_for_who_approved_and_whose_seal_it_is() -> None:
    said = HEADER["evidence"]
    assert said["definition"] == SUBMITTED
    assert said["approvals"] == [
        {"seq": 4, "gate": "go", "approved": True, "by": "user:vera",
         "at": "2026-11-22T09:00:00.123456Z", "reason": "Fine."}
    ]  # fmt: skip
    assert said["key"] == fingerprint_of(PUBLIC)


def test_a_long_submission_is_whole_in_its_definition() -> None:
    part = {"at": ["params", "hosts"], "items": ["a", "b"]}
    texts = chained(
        [
            event("job.submitted", {**SUBMITTED, "params": {"hosts": []}, "extended": 1}),
            event("job.extended", {"parts": [part]}),
            *greeting()[1:],
        ]
    )
    said = describe_evidence(texts, None)
    assert said["definition"]["params"] == {"hosts": ["a", "b"]}
    assert (said["approvals"], said["key"]) == ([], None)


def test_a_seal_vouches_up_to_its_head() -> None:
    found = verify_record(read_record(record_lines(HEADER, TEXTS)), [PUBLIC])
    assert found is not None
    assert (found.seal.number, found.seq) == (1, 9)
    older = make_header(JOB, TEXTS, reprise="0.1.0", seal=sealed(TEXTS, 4))
    found = verify_record(read_record(record_lines(older, TEXTS)))
    assert found is not None
    assert found.seq == 4


def test_a_record_without_a_seal_says_so() -> None:
    assert verified(make_header(JOB, TEXTS, reprise="0.1.0")) is None


Forge = Callable[[dict[str, Any]], object]
FORGERIES: list[tuple[Forge, str]] = [
    (lambda seal: seal.update(seq=8), "seal 1 does not vouch for event 8"),
    (lambda seal: seal.update(seq=0), "seal 1 does not vouch for event 0"),
    (lambda seal: seal.update(seq=99), "the header's seal cannot be read"),
    (lambda seal: seal.update(index=seal["index"] - 1), "does not vouch for event 9"),
    (lambda seal: seal.update(path=seal["path"][1:]), "does not vouch for event 9"),
    (lambda seal: seal.update(path=["00" * 32, *seal["path"][1:]]), "does not vouch"),
    (lambda seal: seal.update(line=seal["line"].replace(":5,", ":4,")), "cannot be read"),
    (lambda seal: seal.pop("line"), "cannot be read"),
    (lambda seal: seal.update(path="x"), "cannot be read"),
    (lambda seal: seal.update(line=sealed(TEXTS, 9, root=False)["line"]), "does not vouch"),
]


@pytest.mark.parametrize(("forge", "said"), FORGERIES)
def test_a_forged_seal_is_refused(forge: Forge, said: str) -> None:
    header = json.loads(header_line(HEADER))
    forge(header["seal"])
    with pytest.raises(RecordInvalid, match=said):
        verified(header)


def test_events_that_were_written_anew_are_not_sealed() -> None:
    forged = chained([event("job.submitted", {**SUBMITTED, "title": "Other"}), *APPROVED[1:]])
    header = make_header(JOB, forged, reprise="0.1.0", seal=SEAL)
    with pytest.raises(RecordInvalid, match="seal 1 does not vouch for event 9"):
        verified(header, forged)


def test_a_forgers_own_key_is_refused() -> None:
    other = raw_key(Ed25519PrivateKey.generate().public_key())
    with pytest.raises(RecordInvalid, match="signed by another key, sha256:"):
        verified(HEADER, TEXTS, other)
    assert verified(HEADER, TEXTS, other, PUBLIC)


@pytest.mark.parametrize(
    "odd", ['{"seq":4,"type":"job.approved","data":[', '{"seq":4,"type":"job.approved","data":7}']
)
def test_what_no_append_has_made_is_refused_in_words(odd: str) -> None:
    texts = TEXTS[:3]
    body = odd if odd.endswith("}") else odd * 40_000 + "}"
    previous = bytes.fromhex(split_hash(texts[-1])[1])
    texts = [*texts, with_hash(body, next_hash(previous, body.encode()))]
    header = {**make_header(JOB, texts, reprise="0.1.0"), "evidence": {}}
    with pytest.raises(RecordInvalid, match="Line 1: what the events say cannot be read"):
        verified(header, texts)


@pytest.mark.parametrize(
    ("member", "value"), [("definition", {}), ("approvals", []), ("key", "sha256:00")]
)
def test_evidence_that_the_events_do_not_say_is_refused(member: str, value: object) -> None:
    header = {**HEADER, "evidence": {**HEADER["evidence"], member: value}}
    with pytest.raises(RecordInvalid, match="evidence is not what the events say"):
        verified(header)
