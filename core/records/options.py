"""What a command is told to leave out of records: the options of every command that writes some."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from core.records.redaction import Redaction, RedactionRefused


def add_redaction_options(command: ArgumentParser) -> None:
    """Declare `redact`, `redact_texts`, `redact_masked` and `disclosures`."""
    add = command.add_argument
    add(
        "--redact", action="append", default=[], metavar="POINTER",
        help="leave out this value of each event: /data/params/password, /data/text, "
        "/data/params/*/token; may be repeated",
    )  # fmt: skip
    add(
        "--redact-texts", type=Path, metavar="FILE",
        help="leave out these texts, one a line, wherever they stand in a value",
    )  # fmt: skip
    add(
        "--redact-masked", action="store_true",
        help="leave out whole texts in which the service masked a secret",
    )  # fmt: skip
    add(
        "--disclosures", type=Path, metavar="FILE",
        help="write the values that were left out, with their salts; keep this file",
    )  # fmt: skip


def read_redaction(pointers: list[str], texts_file: Path | None, *, masked: bool) -> Redaction:
    """Return what these options leave out; RedactionRefused if that cannot be, or not be read."""
    texts: list[str] = []
    if texts_file is not None:
        try:
            texts = texts_file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "not a text"
            raise RedactionRefused(f"{texts_file}: {said}") from error
    return Redaction(pointers, texts, masked=masked)
