"""The follower's decisions, without a clock, a network or chance of its own.

What happens is told to a `Core` with the time of it (seconds of any clock that only goes forward).
It answers with moves: connect, let go, give these events out. So every interleaving of cuts, gaps,
refusals and timeouts can be tried in a test, and what does input and output decides nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count
from uuid import UUID

from streams.client.actions import Alive, Close, Given, Move, Open, Over, Reset, Retry, Signal, Told
from streams.client.backoff import Backoff, Patience
from streams.client.chain import Chain
from streams.client.close_reasons import DIVERGED, Closed, Ended, Lost, Refusal, Rotated
from streams.client.connection import Connection
from streams.client.fallback import LONG_POLL, OCTETS, SSE, Fallback
from streams.client.frames import CaughtUp, End, Event, Events, FellBehind, Frame, Heartbeat, Hello
from streams.client.info import Info, Standing, State, Trouble

# A connection that lived this long, or brought events, was worth having: the backoff starts over.
WORTHWHILE_S = 5.0
# A finite answer that brought nothing and ended sooner than this is no rotation.
ROTATION_LEAST_S = 1.0
# Codes of a transport that lets the time pass, or cannot carry what it should.
SILENT = frozenset({"no_first_frame", "held", "message_too_big"})
# How long an answer lasts where one is asked for that ends by itself, once all is caught up.
FINITE_S = 2.0


class Core:
    """Keeps one connection up: makes it, makes it again, moves it to a better transport."""

    def __init__(
        self, job: UUID, after: str, ladder: Fallback, backoff: Backoff, patience: Patience,
        *, verify: bool = False, restart: bool = False,
    ) -> None:  # fmt: skip
        self._job, self._ladder, self._backoff = job, ladder, backoff
        self._patience, self._restarts = patience, restart
        self._verifies = verify
        self._standing = Standing(after)
        self._chain = Chain(job, self.info.seq) if verify else None
        self._moves: deque[Move] = deque()
        self._numbers = count(1)
        self._link: Connection | None = None
        self._trial: Connection | None = None  # a better transport, before its first frame
        self._left: list[str] = []
        self._retry_at: float | None = None
        self._upgrade_at: float | None = None
        self._away_since: float | None = None
        self._reached = False
        self.over = True

    @property
    def info(self) -> Info:
        """How things stand."""
        return self._standing.info

    @property
    def due(self) -> float | None:
        """When `tick` is to be called; None: not before something else happens."""
        if self.over:
            return None
        times = [link.deadline if link else None for link in (self._link, self._trial)]
        times += [self._quiet_at, self._retry_at, self._upgrade_at, self._give_up_at]
        return min((at for at in times if at is not None), default=None)

    def moves(self) -> Iterator[Move]:
        """Yield what is to be done, each once."""
        while self._moves:
            yield self._moves.popleft()

    def start(self, now: float) -> None:
        """Begin, or go on after a stop or a failure, with what comes after the last event given."""
        self.stop()
        self.over, self._away_since = False, now
        self._backoff.reset()
        self._standing.started()
        self._tell_info()
        self._open_best(now)

    def stop(self) -> None:
        """Let go of everything."""
        self._drop_links()
        self.over = True

    def attend(self, now: float) -> None:
        """Nobody was looking until now: what came meanwhile is still to be seen."""
        for link in (self._link, self._trial):
            if link is not None:
                link.attend(now)

    def take(self, number: int, signal: Signal, now: float) -> None:
        """Take what a connection brought; of one that was let go, nothing counts."""
        link = next((it for it in (self._link, self._trial) if it and it.number == number), None)
        if link is None:
            return
        match signal:
            case Alive(size):
                link.alive(size, now)
            case Retry(seconds):
                self._backoff.base_s = seconds or self._backoff.base_s
            case Ended() | Rotated() | Lost() | Refusal():
                self._link_closed(link, link.judged(signal), now)
            case _:
                self._take_frame(link, signal, now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        for link in (self._trial, self._link):
            if link is not None and link.deadline <= now and link in (self._trial, self._link):
                self._link_closed(link, link.late(), now)
        if _is_due(self._quiet_at, now):
            self._standing.quiet()
            self._tell_info()
        if _is_due(self._give_up_at, now):
            said = self.info.error.message if self.info.error else "Nothing came."
            self._fail_for_good(Trouble("unreachable", said))
        elif _is_due(self._retry_at, now):
            self._open_best(now)
        elif _is_due(self._upgrade_at, now):
            self._upgrade_at, self._left = None, list(self._ladder.better)
            self._try_better(now)

    def _open_best(self, now: float) -> None:
        self._retry_at = None
        rung = self._ladder.current
        rotate_s = None
        if rung in (SSE, OCTETS) and self._ladder.finite(rung):
            rotate_s = FINITE_S if self.info.state is State.LIVE else 0.0
        self._link = self._connect_rung(rung, now, rotate_s)

    def _connect_rung(self, rung: str, now: float, rotate_s: float | None = None) -> Connection:
        info = self.info
        patience = self._patience.first_frame_after(self._ladder.rounds)
        finite = rung == LONG_POLL or rotate_s is not None
        number = next(self._numbers)
        link = Connection(number, rung, info.seq, now, patience, rotate_s, finite=finite)
        self._moves.append(Open(link.number, rung, info.cursor, rotate_s))
        return link

    def _drop_links(self) -> None:
        for link in (self._link, self._trial):
            if link is not None:
                self._moves.append(Close(link.number))
        self._link = self._trial = None
        self._retry_at = self._upgrade_at = None
        self._left = []

    def _link_closed(self, link: Connection, why: Closed, now: float) -> None:
        self._moves.append(Close(link.number))
        if link is self._trial:
            self._trial = None
            self._try_better(now)
            return
        self._link = None
        match why:
            case Lost():
                self._link_lost(link, why, now)
            case Rotated():
                self._link_rotated(link, now)
            case Ended():
                self._finish_job(None)
            case Refusal():
                self._link_refused(why, now)

    def _link_rotated(self, link: Connection, now: float) -> None:
        """Go on at once where a finite answer brought what it should, or some of it."""
        least = 0.0 if link.rotate_s == 0 else ROTATION_LEAST_S
        idle = link.caught_up and now - link.opened_at >= least
        if not (link.brought or idle):
            why = Lost("ended_early", "The answer ended without anything new.")
            self._link_lost(link, why, now)
            return
        if not link.caught_up and not link.brought_for_long(now):
            self._ladder.missed(silent=False)
        self._backoff.reset()
        self._open_best(now)

    def _link_lost(self, link: Connection, why: Lost, now: float) -> None:
        if link.brought or link.proved or (link.greeted and now - link.opened_at >= WORTHWHILE_S):
            self._backoff.reset()
        silent = why.code in SILENT
        moved = self._count_miss(link, why, now)
        jitter = self._backoff.next()
        # Silence was wait enough before trying another transport.
        wait = why.retry_after_s + (0 if silent and moved else jitter)
        self._drop_links()
        self._retry_at = now + wait
        if self._away_since is None:
            self._away_since = now
        self._standing.down(why, wait, self._backoff.tries)
        self._tell_info()

    def _count_miss(self, link: Connection, why: Lost, now: float) -> bool:
        """Hold it against the transport, where it is the transport's; return whether it is left."""
        if why.from_server:
            return False
        if link.caught_up:
            return why.code == "held" and self._ladder.held_back()
        silent = why.code in SILENT
        if link.brought_for_long(now) and not silent:
            return False
        return self._ladder.missed(silent=silent)

    def _try_better(self, now: float) -> None:
        """Try the next of the better transports; after the last, plan the next round.

        Only once everything is here: what is on its way would else come twice.
        """
        if self._left and self.info.state is State.LIVE:
            self._trial = self._connect_rung(self._left.pop(0), now)
            return
        if not self._left:
            self._ladder.upgrade_refused()
        self._left = []
        self._plan_upgrade(now)

    def _plan_upgrade(self, now: float) -> None:
        if self._ladder.better and self._upgrade_at is None and self._trial is None:
            self._upgrade_at = now + self._ladder.upgrade_after

    def _take_frame(self, link: Connection, frame: Frame, now: float) -> None:
        was = link.duplicates, link.gaps
        fresh, over = link.take(frame, now)
        if (link.duplicates, link.gaps) != was:
            self._standing.faulty(link.duplicates - was[0], link.gaps - was[1])
        # A better connection began where the old one was when it was opened, not where it is now.
        given = self.info.seq
        if fresh and fresh[0].seq <= given:
            fresh = [event for event in fresh if event.seq > given]
        if broken := self._give_events(fresh):
            self._link_refused(broken, now)
        elif over is not None:
            self._link_closed(link, over, now)
        elif link is self._trial:
            self._trial_came(link, frame, now)
        else:
            self._frames_came(link, frame, now)

    def _frames_came(self, link: Connection, frame: Frame, now: float) -> None:
        """Go on with what the connection brought."""
        if isinstance(frame, Hello):
            self._reached, self._away_since = True, None
            self._standing.up(link.transport, frame.head)
            self._tell_info()
        whole = link.rotate_s is None
        if link.brought:
            self._ladder.worked()
        if isinstance(frame, CaughtUp):
            self._ladder.caught_up(whole=whole)
        if link.proved:
            self._ladder.proved(link.transport, whole=whole)
        if not self._ladder.better:
            self._upgrade_at = None
        elif link.caught_up:
            self._plan_upgrade(now)
        self._note_place(frame)

    def _trial_came(self, link: Connection, frame: Frame, now: float) -> None:
        """Take a better connection in place of the other, once nothing is held back on it."""
        if isinstance(frame, End):
            self._finish_job(frame.status)
        elif link.proved:
            if self._link is not None:
                self._moves.append(Close(self._link.number))
            self._link, self._trial, self._left = link, None, []
            self._ladder.proved(link.transport, whole=True)
            self._plan_upgrade(now)
            self._standing.up(link.transport, link.last)
            self._standing.caught_up(link.last)
            self._tell_info()

    def _give_events(self, fresh: list[Event]) -> Refusal | None:
        sound = self._chain.take_sound(fresh) if self._chain else fresh
        if sound:
            self._standing.given(sound)
            self._moves.append(Given(tuple(sound), self.info))
        if len(sound) == len(fresh):
            return None
        said = f"Event #{fresh[len(sound)].seq} is not what its hash says."
        return Refusal("broken_chain", said)

    def _note_place(self, frame: Frame) -> None:
        match frame:
            case CaughtUp():
                self._standing.caught_up(frame.head)
                self._tell_info()
            case FellBehind():
                self._standing.fell_behind(frame.head)
                self._tell_info()
                if self._trial is not None:
                    self._moves.append(Close(self._trial.number))
                    self._trial = None
            case Heartbeat() | Events():
                head = frame.head if isinstance(frame, Heartbeat) else 0
                if self._standing.heard(head):
                    self._tell_info()
            case End():
                self._finish_job(frame.status)

    @property
    def _quiet_at(self) -> float | None:
        return self._link.quiet_at if self._link and self.info.state is State.LIVE else None

    @property
    def _give_up_at(self) -> float | None:
        limit = self._patience.give_up_s if self._reached else self._patience.reach_s
        return None if self._away_since is None or limit is None else self._away_since + limit

    def _link_refused(self, why: Refusal, now: float) -> None:
        if not (self._restarts and self.info.seq and why.code in DIVERGED):
            self._fail_for_good(Trouble(why.code, why.message))
            return
        self._drop_links()
        self._standing.reset()
        self._chain = Chain(self._job, 0) if self._verifies else None
        self._moves.append(Reset(self.info))
        self.start(now)

    def _finish_job(self, status: str | None) -> None:
        self.stop()
        self._standing.ended(status)
        self._moves.append(Over(None, self.info))

    def _fail_for_good(self, trouble: Trouble) -> None:
        self.stop()
        self._standing.failed(trouble)
        self._moves.append(Over(trouble, self.info))

    def _tell_info(self) -> None:
        self._moves.append(Told(self.info))


def _is_due(at: float | None, now: float) -> bool:
    return at is not None and at <= now
