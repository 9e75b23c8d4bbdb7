"""The queue: which worker runs which job, and what nobody runs."""
