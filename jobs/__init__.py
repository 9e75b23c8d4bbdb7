"""The domain: events and their log, jobs as folds of it, runs, leases, dispatch, kinds, the API."""
