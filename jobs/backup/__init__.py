"""Physical backups of the database with the files beside it, restored to a moment, and drilled.

    programs    Postgres' own programs: which, and how they are called
    catalogue   the folder of backups: what each is, which are kept, its write-ahead log
    storages    files of seals and archives, copied and checked; keys, copied apart
    make        one backup
    server      a Postgres on restored data that nobody else reaches
    restore     a data folder as of a moment, recovered and verified
    look        what is in a restored database, also beside production
    drill       all of it in a folder that is removed, timed

Nothing here needs the database of the installation but `make` and `drill`, which read it.
"""

from jobs.backup.catalogue import Backup, Catalogue
from jobs.backup.drill import run_drill
from jobs.backup.make import make_backup
from jobs.backup.programs import BackupFailed
from jobs.backup.restore import restore_backup

__all__ = [
    "Backup", "BackupFailed", "Catalogue", "make_backup", "restore_backup", "run_drill",
]  # fmt: skip
