"""What `ops/up` does: `__main__` makes the clone ready, then `serve` starts and keeps everything.

`__main__` runs on the machine's python3 with the standard library alone; `serve` takes its place in
the virtual environment, as the same process with the same lock.
"""
