"""What `ops/test` runs: the checks, the front end's tests, and the suites of `tests/`."""
