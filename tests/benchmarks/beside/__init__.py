"""What `ops/bench streams` runs without our Django: followers, and what we stand beside."""
