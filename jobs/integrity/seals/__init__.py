"""Seals: signed digests of all heads, kept outside the database, so that a history written anew
with hashes that fit shows as well.

Each seal names the heads that have moved since the one before and carries that one's SHA-256. It
is a file of the storage `STORAGES["seals"]` and, for lookups, rows. After the restore of an older
backup there are seals newer than the database: the next one acknowledges them, signed as well.
"""

from jobs.integrity.seals.acknowledge import Preview, preview_loss
from jobs.integrity.seals.key import SealFailed, public_key
from jobs.integrity.seals.make import Sealed, acknowledge_seals, seal_heads, seal_if_due

__all__ = [
    "Preview",
    "SealFailed",
    "Sealed",
    "acknowledge_seals",
    "preview_loss",
    "public_key",
    "seal_heads",
    "seal_if_due",
]
