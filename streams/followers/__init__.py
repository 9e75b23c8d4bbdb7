"""Who follows in this process: limits, access checks and draining share one registry."""
