"""What shows, without the other heads of a seal, that it vouches for one job."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.records.seal_text import head_line, parse_seal
from core.records.tree import Tree
from jobs.integrity.seals.key import SealFailed
from jobs.models import Seal, SealedHead

ROWS_AT_ONCE = 2000


def prove_head(job_id: UUID, most: int) -> dict[str, Any] | None:
    """Return the newest seal of a head of a job that is at most `most`, with its proof.

    None if there is none that has a tree: older seals can only be checked with all their heads.
    `{"line", "seq", "index", "path"}`, as a record has it (docs/reference/record-format.md).
    Raises SealFailed if the seal's rows are not what was signed.
    """
    heads = SealedHead.objects.filter(job=job_id, seq__lte=most)
    found = heads.order_by("-seq", "-seal_id").select_related("seal").first()
    if found is None:
        return None
    try:
        signed = parse_seal(found.seal.text)
    except ValueError as error:
        raise _changed_rows(found.seal) from error
    if signed.root is None:
        return None
    tree = _watch_head(found)
    if tree.root().hex() != signed.root:
        raise _changed_rows(found.seal)
    path = [one.hex() for one in tree.path]
    return {"line": found.seal.text, "seq": found.seq, "index": tree.index, "path": path}


def _watch_head(head: SealedHead) -> Tree:
    tree = Tree(SealedHead.objects.filter(seal=head.seal, job__lt=head.job).count())
    rows = SealedHead.objects.filter(seal=head.seal).order_by("job")
    for row in rows.values_list("job", "seq", "hash").iterator(ROWS_AT_ONCE):
        tree.add(head_line(*row).encode())
    return tree


def _changed_rows(seal: Seal) -> SealFailed:
    said = f"The rows of seal {seal.number} are not what was signed: run `verify --all`."
    return SealFailed(said)
