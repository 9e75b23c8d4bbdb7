"""What `ops/trial` does: try a fresh clone on an empty Debian 12, as a new user would.

`__main__` makes the Debian root and cleans up; `inside` runs in namespaces of its own, where the
mounts and every process end with it, so that nothing is ever deleted through a live mount.
"""
