"""Benchmarks: each figure of ours beside the bare component's, interleaved in one run.

`__main__` runs on the machine's python3 and hands over to `run` in the virtual environment.
"""
