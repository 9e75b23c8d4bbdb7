"""The transports: each writes a subscription's items in its own form."""
