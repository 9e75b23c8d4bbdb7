"""A seal's line: what is signed, and what is none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.records.keys import raw_key
from core.records.seal_text import Acknowledgement, SealText, parse_seal

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
# Written before there were acknowledgements.
OLD = (
    '{"number":2,"at":"2026-01-02T03:04:05.000006Z","previous":"' + "ab" * 32 + '","heads":1,'
    '"digest":"' + "cd" * 32 + '",'
    '"key":"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",'
    '"signature":"04fae7fcabb79a581f4f371f7ae2a39f7ea9fd535944cbd17b712e1dfa04794f'
    '503ca99f0ff14d0003c27a8ad3aaa5db08aa514b6362c8a01b2d53e8a13cc907"}'
)
TEXT = SealText(
    10, "2026-01-02T03:04:05.000006Z", "ab" * 32, 0, "cd" * 32, raw_key(KEY.public_key()),
    Acknowledgement((8, 9), 'Restored "Monday" – disk lost', "root@db1"),
)  # fmt: skip


def test_a_seal_from_before_acknowledgements_is_byte_for_byte_the_same() -> None:
    text = parse_seal(OLD)
    assert (text.number, text.acknowledged) == (2, None)
    assert text.signed(KEY) == OLD


def test_an_acknowledgement_is_signed_with_the_seal() -> None:
    line = TEXT.signed(KEY)
    assert parse_seal(line) == TEXT
    assert json.loads(line)["acknowledged"] == {
        "seals": [8, 9],
        "reason": 'Restored "Monday" – disk lost',
        "by": "root@db1",
    }
    assert list(json.loads(line))[-3:] == ["key", "acknowledged", "signature"]
    for changed in (line.replace("[8,9]", "[9]"), line.replace("root", "eve")):
        with pytest.raises(ValueError, match="its signature is not that of its key"):
            parse_seal(changed)


@pytest.mark.parametrize(
    "acknowledged",
    [
        Acknowledgement((), "Restored.", "root"),
        Acknowledgement((8,), "Restored.", "root"),
        Acknowledgement((7, 9), "Restored.", "root"),
        Acknowledgement((9, 10), "Restored.", "root"),
        Acknowledgement((9,), " ", "root"),
        Acknowledgement((9,), "Restored.\x1b[2J", "root"),
        Acknowledgement((9,), "Restored.", ""),
    ],
)
def test_an_acknowledgement_of_other_seals_or_without_words_is_no_seal(
    acknowledged: Acknowledgement,
) -> None:
    with pytest.raises(ValueError, match="it is not a seal"):
        parse_seal(replace(TEXT, acknowledged=acknowledged).signed(KEY))


@pytest.mark.parametrize("members", [{"acknowledged": 1}, {"acknowledged": {}}, {"more": 1}])
def test_other_members_are_no_seal(members: dict[str, object]) -> None:
    body = json.dumps(json.loads(TEXT.body) | members, separators=(",", ":"))
    signature = KEY.sign(body.encode()).hex()
    with pytest.raises(ValueError, match="it is not a seal"):
        parse_seal(f'{body[:-1]},"signature":"{signature}"}}')
