"""What `ops/check` runs: everything that can be said of the sources without running them."""
