"""Twisted's reactor on uvloop: importing this installs it, unless one is installed already.

daphne takes the reactor that it finds, if that is one on asyncio. uvloop's timers, futures and
watched sockets take a fraction of what asyncio's own take, and a follower's wake is all of these.
"""

from __future__ import annotations

import sys

import uvloop
from twisted.internet import asyncioreactor

if "twisted.internet.reactor" not in sys.modules:
    asyncioreactor.install(uvloop.new_event_loop())  # type: ignore[no-untyped-call]  # it has no types
