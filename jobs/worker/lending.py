"""Opening credentials for a run: who may use them is asked first, then their values are had.

Stores are asked in threads of their own, so that one that hangs holds up no lease and no log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from core.db import read_in_thread
from jobs.access.credentials import lend_credentials
from jobs.secrets.credentials import open_credential
from jobs.secrets.thread import add_in_thread
from jobs.secrets.vault import Vault

_stores = ThreadPoolExecutor(8, "stores")


async def open_credentials(job: UUID, vault: Vault, names: Collection[str]) -> None:
    """Have a job's vault hold these credentials as they are now, masked before anybody gets them.

    Raises CredentialRefused, SecretUnreadable, KeysUnusable and StoreError.
    """
    unnoted = set(names) - vault.noted
    found = await read_in_thread(lend_credentials, job, names, unnoted)
    vault.noted |= unnoted
    loop = asyncio.get_running_loop()
    opened = await asyncio.gather(
        *(loop.run_in_executor(_stores, open_credential, one) for one in found)
    )
    await add_in_thread(vault.put, opened)
