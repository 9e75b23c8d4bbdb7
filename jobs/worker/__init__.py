"""The worker process: fetches jobs, runs them under a lease, records how they end."""
