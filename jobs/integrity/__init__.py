"""Whether a log is what was appended: the chain, the row that it folds to, the columns, the seals.

`verify` looks at one job and reads it a page at a time, from an archive as from the table;
`verify_seals` at the seals themselves.
"""

from jobs.integrity.verify import Verdict, known_jobs, verify_job
from jobs.integrity.verify_seals import SealVerdict, verify_seals

__all__ = ["SealVerdict", "Verdict", "known_jobs", "verify_job", "verify_seals"]
