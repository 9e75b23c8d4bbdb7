"""The transports: each turns one connection into the same signals, and decides nothing."""
