"""Records: a job's log as a file that can be checked by itself. A leaf that the client takes along.

docs/reference/record-format.md is the reference. It imports nothing of the project but itself.
"""
