"""The demo fleet: real game-server processes, their releases, and the script that updates them."""
