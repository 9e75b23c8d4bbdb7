"""What happens to the connection, in sentences; each is said once."""

from __future__ import annotations

from streams.client.info import Info, State


class Notes:
    """Turns one `Info` after the other into what is worth saying."""

    def __init__(self) -> None:
        self._last = Info()
        self._said = ""

    def on(self, info: Info) -> list[str]:
        """Return what is new."""
        last, self._last = self._last, info
        found = []
        if info.wait_s is not None:
            found += self._trouble_note(info)
        elif info.state in (State.CATCHING_UP, State.LIVE):
            self._said = ""
            if info.transport != last.transport:
                found.append(f"Following over {info.transport}.")
        if info.resumed is not None and info.resumed != last.resumed:
            count, start = info.resumed.caught_up, info.resumed.from_seq
            events = "1 event" if count == 1 else f"{count:,} events"
            found.append(f"Resumed from #{start}, {events} caught up, over {info.transport}.")
        return found

    def _trouble_note(self, info: Info) -> list[str]:
        """Say an outage once, and again where its reason is another."""
        said = info.error.message if info.error else ""
        if said == self._said:
            return []
        self._said = said
        what = f"Cut off at #{info.seq}" if info.transport else "No connection yet"
        return [f"{what}: {said.rstrip('.')}. Trying again."]
