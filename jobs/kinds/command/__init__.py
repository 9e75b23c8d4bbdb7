"""Any command on any targets."""
