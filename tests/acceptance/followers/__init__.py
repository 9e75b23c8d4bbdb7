"""Followers of one job that are cut and resumed at seeded cursors and keep each event's bytes.

They share no code with the service: each transport is a bare client, and what is compared is what
came over the wire. Every connection is held to the protocol's order by itself, so a client that
forgives cannot hide a fault.
"""

from tests.acceptance.followers.base import Follower, Plan
from tests.acceptance.followers.longpoll import LongPollFollower
from tests.acceptance.followers.sse import SseFollower
from tests.acceptance.followers.websocket import WebSocketFollower

TRANSPORTS: tuple[type[Follower], ...] = (WebSocketFollower, SseFollower, LongPollFollower)

__all__ = ["TRANSPORTS", "Follower", "LongPollFollower", "Plan", "SseFollower", "WebSocketFollower"]
