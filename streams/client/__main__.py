"""`python -m streams.client follow URL`."""

from streams.client.command import main

if __name__ == "__main__":
    raise SystemExit(main())
