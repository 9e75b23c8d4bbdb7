"""What a seal says: one line of JSON, signed, and below it a line for each head. Pure.

The *body*'s bytes are what is signed; the line is the body less its final `}`, then
`,"signature":"<128 hex digits>"}`. `previous` is the SHA-256 of the line of the seal before (zeros
for the first), `digest` that of the heads' lines, each with its newline; `root` is the root of a
Merkle tree over the same lines, so that one of them can be proved without the others. A seal that
acknowledges older ones (`jobs.integrity.seals.acknowledge`) says so in the member `acknowledged`.
Seals from before there were these two lack them.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.records.tree import Tree

FIRST_PREVIOUS = "0" * 64
LONGEST_REASON = 1000
_NOT_IN_A_LINE = {"Cc", "Cs", "Zl", "Zp"}
_NAME = re.compile(r"seal-([0-9]{8,})\.ndjson")
_SIGNATURE = re.compile(r',"signature":"([0-9a-f]{128})"\}')
_SIGNATURE_CHARACTERS = len(',"signature":"') + 128 + len('"}')


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That the log no longer has what older seals vouch for: which, why, and who said so."""

    seals: tuple[int, ...]
    reason: str
    by: str

    @classmethod
    def read(cls, members: dict[str, Any], number: int) -> Self:
        """Return what seal `number` acknowledges: seals in a row, up to the one before it."""
        found = cls(tuple(members.pop("seals")), **members)
        if not found.seals or found.seals != tuple(range(found.seals[0], number)):
            raise ValueError("these are not the seals before it")
        if not (is_sentence(found.reason) and is_sentence(found.by)):
            raise ValueError("it does not say who, or why")
        return found


@dataclass(frozen=True, slots=True)
class SealText:
    """A seal's body. Hashes and the public key are hex, `at` is RFC 3339."""

    number: int
    at: str
    previous: str
    heads: int
    digest: str
    key: str
    acknowledged: Acknowledgement | None = None
    root: str | None = None

    def signed(self, key: Ed25519PrivateKey) -> str:
        """Return the line, without a newline."""
        body = self.body
        return f'{body[:-1]},"signature":"{key.sign(body.encode()).hex()}"}}'

    @property
    def body(self) -> str:
        """What is signed."""
        members = asdict(self)
        for name in ("acknowledged", "root"):
            if members[name] is None:
                del members[name]
        return json.dumps(members, separators=(",", ":"))


def parse_seal(line: str) -> SealText:
    """Return what a seal's line says.

    ValueError if it is not one, or where the key that it names has not signed it.
    """
    match = _SIGNATURE.fullmatch(line[-_SIGNATURE_CHARACTERS:])
    body = line[:-_SIGNATURE_CHARACTERS] + "}"
    if match is None:
        raise ValueError("it is not a seal")
    try:
        found = _read_body(body)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.key))
        key.verify(bytes.fromhex(match[1]), body.encode())
    except InvalidSignature:
        raise ValueError("its signature is not that of its key") from None
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ValueError("it is not a seal") from error
    if found.body != body:
        raise ValueError("it is not a seal")
    return found


def _read_body(body: str) -> SealText:
    members = json.loads(body)
    if (acknowledged := members.pop("acknowledged", None)) is not None:
        acknowledged = Acknowledgement.read(acknowledged, members["number"])
    return SealText(**members, acknowledged=acknowledged)


def is_sentence(text: str) -> bool:
    """Return whether a text says something, in one line and without control characters."""
    bad = any(unicodedata.category(character) in _NOT_IN_A_LINE for character in text)
    return bool(text.strip()) and not bad and len(text) <= LONGEST_REASON


def head_line(job: UUID | str, seq: int, digest: str) -> str:
    """Return a head's line, with its newline."""
    return f'{{"job":"{job}","seq":{seq},"hash":"{digest}"}}\n'


def parse_head(line: str) -> tuple[UUID, int, str]:
    """Return job, seq and hash of a signed head's line."""
    members = json.loads(line)
    return UUID(members["job"]), int(members["seq"]), str(members["hash"])


@dataclass(frozen=True, slots=True)
class HeadsDigest:
    """What a seal signs of its heads' lines: how many, their digest, the root of their tree."""

    count: int
    digest: str
    root: str

    def is_signed_by(self, seal: SealText) -> bool:
        """Return whether a seal has signed these lines."""
        same = (self.count, self.digest) == (seal.heads, seal.digest)
        return same and seal.root in (None, self.root)


class HeadsHasher:
    """Takes the lines of heads, each with its newline, in their order."""

    def __init__(self) -> None:
        self._digest, self._tree = hashlib.sha256(), Tree()

    def add(self, line: str) -> None:
        """Take the next line."""
        raw = line.encode()
        self._digest.update(raw)
        self._tree.add(raw)

    def end(self) -> HeadsDigest:
        """Return what there is to sign; nothing can be added after that."""
        return HeadsDigest(self._tree.size, self._digest.hexdigest(), self._tree.root().hex())


def digest_of(lines: Iterable[str]) -> HeadsDigest:
    """Return what a seal of these heads' lines signs."""
    hasher = HeadsHasher()
    for line in lines:
        hasher.add(line)
    return hasher.end()


def hash_of(line: str) -> str:
    """Return what the next seal says of this one: the line's SHA-256."""
    return hashlib.sha256(line.encode()).hexdigest()


def file_name(number: int) -> str:
    """Return the name of a seal's file."""
    return f"seal-{number:08d}.ndjson"


def number_of(name: str) -> int | None:
    """Return which seal a file is by its name, None for another file."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None
