"""`python -m streams.server` runs daphne, and takes daphne's own arguments."""

from __future__ import annotations

from streams.server.daphne import main

if __name__ == "__main__":
    main()
