"""`reprise verify FILE …`: records and evidence, checked without a server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from core.records.compare import compare_disclosures, compare_original
from core.records.evidence import SealedUpTo, verify_record
from core.records.keys import fingerprint_of, read_public
from core.records.record import Record, RecordInvalid, read_record
from core.terminal import plain_text, reveal

HOLDS, BAD = 0, 1


def verify_files(given: argparse.Namespace) -> int:
    """Print of each file what holds; return 0 if all do, else 1. ValueError for wrong usage."""
    if len(given.file) > 1 and (given.original or given.disclosures):
        raise ValueError("--original and --disclosures are for one file.")
    keys = [read_public(text) for text in given.key]
    return max(_verify_file(path, keys, given) for path in given.file)


def _verify_file(path: Path, keys: list[str], given: argparse.Namespace) -> int:
    try:
        record = _read_file(path)
        sealed = verify_record(record, keys)
        if keys and sealed is None:
            raise RecordInvalid(1, "it has no seal, so none of these keys vouches for it")
        said = list(_result_words(record, sealed, keys))
        if given.original is not None:
            compare_original(record, _read_file(given.original))
            said.append("Nothing but what was left out differs from the original.")
        if given.disclosures is not None:
            count = compare_disclosures(record, given.disclosures.read_text().splitlines())
            said.append(f"{count} of the values that were left out are as disclosed.")
    except OSError as error:
        raise ValueError(f"{error.filename or path}: {error.strerror}") from error
    except ValueError as error:  # RecordInvalid is one
        print(f"{_shown(path)}: bad. {_shown(error)}", file=sys.stderr)
        return BAD
    print(f"{_shown(path)}: {' '.join(_shown(words) for words in said)}")
    return HOLDS


def _read_file(path: Path) -> Record:
    with path.open("rb") as file:
        return read_record(file)


def _result_words(record: Record, sealed: SealedUpTo | None, keys: list[str]) -> Iterator[str]:
    count, header = len(record.texts), record.header
    if not header:
        yield f"ok: {count} events follow each other. The file does not name their job."
        return
    yield f"ok: {count} events of job {header['job']}, hash {header['hash']}."
    if record.redacted:
        values = sum(len(one.values) for one in record.redacted.values())
        yield (
            f"{values} values of {len(record.redacted)} events are left out: their hashes are the"
            " originals', what else they show is vouched for by the file alone."
        )
    if sealed is None:
        yield "No seal vouches for it: whoever wrote the file can have made it up."
        return
    seal = sealed.seal
    yield f"Seal {seal.number} of {seal.at} vouches for events 1 to {sealed.seq}"
    yield f"with {'your key' if keys else 'the key'} {fingerprint_of(seal.key)}."
    if not keys:
        yield "Compare it with the one that you know, or use --key."
    if sealed.seq < count:
        yield f"It is older than events {sealed.seq + 1} to {count}."


def _shown(said: object) -> str:
    return reveal(plain_text(str(said))).strip()
