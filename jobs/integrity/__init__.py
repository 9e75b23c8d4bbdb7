"""Whether a log is what was appended: the chain, the row that it folds to, the columns, the seals.

`verify` looks at one job and reads it a page at a time, from an archive as from the table.
"""

from jobs.integrity.job import Verdict, known_jobs, verify

__all__ = ["Verdict", "known_jobs", "verify"]
