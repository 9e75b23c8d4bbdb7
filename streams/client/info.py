"""What a follower tells of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from streams.client.close_reasons import Lost
from streams.client.frames import Event, seq_of


class State(StrEnum):
    """What a follower is doing."""

    IDLE = "idle"
    """Not started, or stopped."""
    CONNECTING = "connecting"
    """Connecting for the first time."""
    CATCHING_UP = "catching_up"
    """Getting history."""
    LIVE = "live"
    """Everything that there is has come; more comes as it happens."""
    QUIET = "quiet"
    """It was live, but heartbeats are overdue: there may be more. The connection is still there."""
    RECONNECTING = "reconnecting"
    """Disconnected: waiting to reconnect, or reconnecting."""
    ENDED = "ended"
    """The job is over and every event has come."""
    FAILED = "failed"
    """Failed for good: the error says why."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What coming back brought: `caught_up` events after the one with seq `from_seq`."""

    from_seq: int
    caught_up: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a connection ended or was refused: the protocol's code, or one of the follower's own."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Info:
    """The connection as it was at one moment.

    `transport`: the one in use or last used, None before the first frame. `seq`, `cursor`: the
    last event given out, and where to come back to. `head`: the job's, as far as is known.
    `resumed`: the last resume that is done. `attempts`: tries that failed since it last was live.
    `wait_s`: in how many seconds the next try was due when this was told, None unless waiting for
    one. `error`: the last trouble; it stays after recovery. `status`: the job's terminal status
    once ended. `duplicates`, `gaps`: events that came twice, holes: healed, and not expected.
    """

    state: State = State.IDLE
    transport: str | None = None
    seq: int = 0
    cursor: str = "0"
    head: int = 0
    resumed: Resumed | None = None
    attempts: int = 0
    wait_s: float | None = None
    error: Trouble | None = None
    status: str | None = None
    duplicates: int = 0
    gaps: int = 0


class Standing:
    """Where a follower stands: keeps the `Info` from one happening to the next."""

    def __init__(self, after: str) -> None:
        seq = seq_of(after)
        self.info = Info(seq=seq, cursor=after, head=seq)
        # Seq of the last event before the cut that is not healed yet.
        self._cut_at: int | None = None

    def started(self) -> None:
        """Following begins, or goes on after a stop."""
        self._cut_at = self.info.seq or None
        self._set_state(State.CONNECTING, transport=None, status=None, attempts=0)

    def up(self, transport: str, head: int) -> None:
        """A connection gave its first frame."""
        # A rotation or a move to a better transport is no news: nothing was cut.
        quiet = self.info.state is State.LIVE
        head = max(head, self.info.head)
        self._set_state(State.LIVE if quiet else State.CATCHING_UP, transport=transport, head=head)

    def given(self, events: Sequence[Event]) -> None:
        """Events were given out; not none."""
        last = events[-1]
        head = max(self.info.head, last.seq)
        self.info = replace(self.info, seq=last.seq, cursor=last.cursor, head=head)

    def fell_behind(self, head: int) -> None:
        """It is served from the log again."""
        self._set_state(State.CATCHING_UP, head=max(head, self.info.head))

    def caught_up(self, head: int) -> None:
        """Everything that there was has come."""
        self._note_resumed()
        self._set_state(State.LIVE, head=max(head, self.info.head), attempts=0)

    def quiet(self) -> None:
        """Nothing has come for longer than it should."""
        self._set_state(State.QUIET)

    def heard(self, head: int = 0) -> bool:
        """Something came, perhaps with where the head is; return whether that was news."""
        was = self.info
        if head <= was.head and was.state is not State.QUIET:
            return False
        state = State.LIVE if was.state is State.QUIET else was.state
        self.info = replace(was, state=state, head=max(head, was.head))
        return True

    def down(self, why: Lost, wait_s: float, attempts: int) -> None:
        """Cut off; the next try is in `wait_s`."""
        if self.info.seq and self._cut_at is None:
            self._cut_at = self.info.seq
        away = State.CONNECTING if self.info.transport is None else State.RECONNECTING
        error = Trouble(why.code, why.message)
        self._set_state(away, wait_s=wait_s, attempts=attempts, error=error)

    def faulty(self, duplicates: int, gaps: int) -> None:
        """A connection sent events twice, or left holes."""
        was = self.info
        self.info = replace(was, duplicates=was.duplicates + duplicates, gaps=was.gaps + gaps)

    def ended(self, status: str | None) -> None:
        """The job is over and every event has come."""
        self._note_resumed()
        self._set_state(State.ENDED, status=status)

    def failed(self, why: Trouble) -> None:
        """Given up."""
        self._set_state(State.FAILED, error=why)

    def reset(self) -> None:
        """What was given out does not hold any more."""
        self.info = replace(self.info, seq=0, cursor="0", head=0, resumed=None)
        self._cut_at = None

    def _note_resumed(self) -> None:
        if self._cut_at is not None:
            resumed = Resumed(self._cut_at, self.info.seq - self._cut_at)
            self.info = replace(self.info, resumed=resumed)
            self._cut_at = None

    def _set_state(self, state: State, **changes: object) -> None:
        self.info = replace(self.info, **({"state": state, "wait_s": None} | changes))  # type: ignore[arg-type]
