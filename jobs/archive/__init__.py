"""The log for years: exports of single jobs, archives of whole months, and reading both back.

`format` says what an export is, `exports` and `imports` write and take one; `months`, `writing`,
`checking` and `dropping` make an archive of a month and let its partition go; `frames` reads one.
This module imports none of them: `jobs.log` reads archived events through `frames` alone.
"""
