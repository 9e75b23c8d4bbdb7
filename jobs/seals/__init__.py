"""Seals: signed digests of all heads, kept outside the database, so that a history written anew
with hashes that fit shows as well.

Each seal names the heads that have moved since the one before and carries that one's SHA-256. It
is a file of the storage `STORAGES["seals"]` and, for lookups, rows.
"""

from jobs.seals.key import SealFailed, public_key
from jobs.seals.make import Sealed, keep, seal

__all__ = ["SealFailed", "Sealed", "keep", "public_key", "seal"]
