"""What a follower raises."""

from __future__ import annotations


class FollowError(Exception):
    """Following is over before the job's end; `code` is the protocol's or the follower's own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Refused(FollowError):
    """The server refuses for good, or what it sends cannot be taken (`broken_chain`)."""


class Unreachable(FollowError):
    """No transport gave a first frame within the time that was given."""


class BadCursor(ValueError):
    """A text that is no cursor."""


class BadFrame(Exception):
    """What the server would never send; the connection is then made anew."""
