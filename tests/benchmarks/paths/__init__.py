"""Counts the files that run on three paths: `python -m tests.benchmarks.paths --help`."""
