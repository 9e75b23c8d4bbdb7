"""A relay between clients and a server of this machine, which does what bad links and proxies do.

`LinkOptions` says what: be slow, cut connections, cap WebSocket messages, hold streams.
"""

from tests.support.relay.connection import LinkOptions
from tests.support.relay.server import Relay, relayed
from tests.support.relay.threads import RelayThread

__all__ = ["LinkOptions", "Relay", "RelayThread", "relayed"]
