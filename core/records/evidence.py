"""Evidence: a record whose header also says what was asked for, who approved, and whose seal it is.

All of it can be derived from the events and the seal; `verify_record` does so, and compares. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.records.chain import split_hash
from core.records.keys import fingerprint_of
from core.records.record import Record, RecordInvalid
from core.records.seal_text import SealText, head_line, parse_seal
from core.records.submission import submission_data
from core.records.tree import proves

_ANSWERS = {"job.approved": True, "job.rejected": False}


@dataclass(frozen=True, slots=True)
class SealedUpTo:
    """The seal of a record, and the last event that it vouches for."""

    seal: SealText
    seq: int


def describe_evidence(texts: Sequence[str], seal: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the header of evidence says of these events and this seal (a header's `seal`)."""
    return {
        "definition": _definition(texts),
        "approvals": list(_approvals(texts)),
        "key": fingerprint_of(parse_seal(seal["line"]).key) if seal else None,
    }


def verify_record(record: Record, keys: Sequence[str] = ()) -> SealedUpTo | None:
    """Return up to where a seal vouches for a record, None if it has none.

    `keys` are public keys in hex: a seal that none of them has signed is refused; with none given
    whichever key it names counts. Raises RecordInvalid for a seal that does not fit the events, and
    where the header says something else than they do.
    """
    seal = record.header.get("seal")
    found = _check_seal(record, seal, keys) if seal is not None else None
    said = record.header.get("evidence")
    if said is not None and said != _describe_record(record, seal):
        raise RecordInvalid(1, "the header's evidence is not what the events say")
    return found


def _describe_record(record: Record, seal: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        return describe_evidence(record.texts, seal)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RecordInvalid(1, f"what the events say cannot be read: {error!r}") from error


def _check_seal(record: Record, seal: Mapping[str, Any], keys: Sequence[str]) -> SealedUpTo:
    try:
        signed = parse_seal(seal["line"])
        path = [bytes.fromhex(one) for one in seal["path"]]
        root, seq, index = bytes.fromhex(signed.root or ""), seal["seq"], seal["index"]
        line = head_line(record.header["job"], seq, split_hash(record.texts[seq - 1])[1])
        holds = seq > 0 and proves(root, signed.heads, index, line.encode(), path)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RecordInvalid(1, f"the header's seal cannot be read: {error}") from error
    if keys and signed.key not in keys:
        raise RecordInvalid(1, f"the seal is signed by another key, {fingerprint_of(signed.key)}")
    if not holds:
        said = f"seal {signed.number} does not vouch for event {seq}: its proof does not fit"
        raise RecordInvalid(1, said)
    return SealedUpTo(signed, seq)


def _definition(texts: Sequence[str]) -> dict[str, Any]:
    submitted = json.loads(texts[0])["data"]
    count = submitted.get("extended", 0)
    return submission_data(submitted, (json.loads(text)["data"] for text in texts[1 : 1 + count]))


def _approvals(texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield each answer to a gate, with who gave it."""
    for text in texts:
        if '"type":"job.approved"' in text[:64] or '"type":"job.rejected"' in text[:64]:
            event = json.loads(text)
            yield {
                "seq": event["seq"],
                "gate": event["data"].get("gate"),
                "approved": _ANSWERS[event["type"]],
                "by": event["actor"],
                "at": event["at"],
                "reason": event["data"].get("reason", ""),
            }
