"""The hub: brings what is appended to every follower in one process."""
