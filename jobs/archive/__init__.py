"""The log for years: exports of single jobs, archives of whole months, and reading both back.

`format` says what an export is, `export` and `import_` write and take one; `write`, `verify` and
`stages` make an archive of a month and let its partition go. `jobs.log.archive_frames` reads one.
"""
