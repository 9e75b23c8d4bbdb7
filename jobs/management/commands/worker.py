"""`manage.py worker`: runs jobs until SIGTERM or SIGINT, then hands over what still runs."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, redirect_stderr, redirect_stdout
from functools import partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.core.management.base import CommandParser

from core.user_code import contained
from jobs.kinds import registry
from jobs.management.base import ServiceCommand
from jobs.management.probes import add_port_argument, start_probes, worker_probes
from jobs.secrets.logs import printed_text
from jobs.startup import start_process
from jobs.system_log.startup import record_settings_soon
from jobs.transports import local, sandbox
from jobs.worker.isolation import IsolatedWorkers
from jobs.worker.worker import Worker

logger = logging.getLogger(__name__)

STDIN = 0
# A thread that waits for the interpreter asks for it after so long; Python's own value is 5 ms, and
# the writer has to wait for it several times in each commit while the event loop is busy.
SWITCH_SECONDS = 0.0005
P = ParamSpec("P")
T = TypeVar("T")


class Command(ServiceCommand):
    help = "Run jobs until SIGTERM or SIGINT, then hand over what still runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--runs", type=int, help="how many jobs at a time")
        add_port_argument(parser)
        parser.add_argument("--job", type=UUID, help=argparse.SUPPRESS)  # see jobs.worker.isolation

    def handle(self, *_: Any, **options: Any) -> None:
        start_process("worker")
        with (
            closing(printed_text(sys.stdout)) as out,
            closing(printed_text(sys.stderr)) as err,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            if options["job"] is None:
                record_settings_soon("worker")
            sys.setswitchinterval(SWITCH_SECONDS)
            registry.all_kinds()  # imported before there is a loop; what is broken is logged here
            if local.is_refused():
                logger.warning("%s %s", sandbox.REFUSED, sandbox.HINT, extra={"action": "local"})
            _run_loop(
                partial(
                    _serve_until_signal,
                    runs=options["runs"],
                    port=options["health_port"],
                    job=options["job"],
                )
            )


def _serve_until_signal(
    loop: asyncio.AbstractEventLoop, runs: int | None, port: int | None, job: UUID | None
) -> Coroutine[Any, Any, None]:
    """Handle signals from here on; return what is to be run."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    if job is None:
        worker = Worker(runs, IsolatedWorkers())
        start_probes(worker_probes(worker), port)
        return worker.serve(stop)

    def orphaned() -> None:
        loop.remove_reader(STDIN)
        stop.set()

    loop.add_reader(STDIN, orphaned)  # a pipe from the worker that this one is beside
    return Worker(1).serve_one(job, stop)


def _run_loop(main: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end, as `asyncio.run` does.

    An exit that is raised in another task or in a callback of the loop (a kind that makes its own)
    ends that, and not the loop. So `main` handles signals by `loop.add_signal_handler`: no signal
    raises here.
    """
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_default_executor(_Threads(thread_name_prefix="kind"))
        serving = loop.create_task(main(loop))
        while True:
            try:
                return loop.run_until_complete(serving)
            except (SystemExit, KeyboardInterrupt, RuntimeError) as error:
                if serving.done():
                    raise
                logger.error("a kind's own task raised: %r", error, extra={"action": "loop"})


class _Threads(ThreadPoolExecutor):
    """What `asyncio.to_thread` uses: it raises nothing that a future cannot carry."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def call() -> T:
            with contained():
                return fn(*args, **kwargs)

        return super().submit(call)
