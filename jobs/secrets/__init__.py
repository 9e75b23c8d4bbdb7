"""Secret parameters: stored encrypted outside the log, handed to steps that ask, masked elsewhere.

A kind types a field of its Params as `Secret`. `jobs.secrets.store` keeps the values,
`jobs.secrets.vault` opens them for a run, `jobs.secrets.masking` keeps them out of what it says.
"""

from __future__ import annotations

from jobs.secrets.field import Secret
from jobs.secrets.masking import MASK

__all__ = ["MASK", "Secret"]
