"""A command as a step: what it says goes on, and its last line says why it failed."""

from __future__ import annotations

import sys

import pytest

from jobs.transports.run_command import LONGEST_REASON, CommandFailed, _Heard, command
from tests.support.terminal.corpus import CASES, Case


class Heard:
    """Whoever listens: takes everything, hands out an environment."""

    def __init__(self) -> None:
        self.env = {"REPRISE_JOB": "a-job", "REPRISE_FENCE": "3"}
        self.said: dict[str, str] = {"out": "", "err": ""}

    def output(self, text: str, stream: str = "out") -> None:
        self.said[stream] += text

    async def drain(self) -> None:
        return


async def run(program: str, transport: str = "local") -> Heard:
    heard = Heard()
    await command(transport, [sys.executable, "-c", program], heard)
    return heard


async def test_output_is_passed_on_by_stream_with_its_colours() -> None:
    heard = await run(r"import sys; print('\x1b[32mok\x1b[0m'); print('hm', file=sys.stderr)")
    assert heard.said == {"out": "\x1b[32mok\x1b[0m\n", "err": "hm\n"}


async def test_a_command_knows_its_job_and_fence() -> None:
    heard = await run("import os; print(os.environ['REPRISE_JOB'], os.environ['REPRISE_FENCE'])")
    assert heard.said["out"] == "a-job 3\n"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (r"import sys; print('well'); sys.exit('\x1b[31mtoo\nbad\x1b[0m')", "bad"),
        ("import sys; print('one\\ntwo'); sys.exit(4)", "two"),
        (r"import sys; print('no\x1b]0;title', file=sys.stderr); sys.exit(4)", "no"),
        (
            r"import sys; sys.stderr.write('\r 50 %\r\x1b[K\x1b(Bbroken\r\n\x1b[m'); sys.exit(4)",
            "broken",
        ),
        (r"import sys; sys.stderr.write('x' * 9999 + '\n\x1b[31mlast\n'); sys.exit(4)", "last"),
        (r"import sys; sys.stderr.write('\r\x1b[31m 99 %' * 999 + '\rno'); sys.exit(4)", "no9 %"),
        ("import sys; sys.exit(4)", "exit status 4"),
        ("import os; os.kill(os.getpid(), 9)", "exit status 137, killed by SIGKILL"),
    ],
)
async def test_it_fails_with_the_last_line_that_was_said(program: str, reason: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        await run(program)
    assert str(caught.value) == reason


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_as_the_reason_of_a_failure(case: Case) -> None:
    heard = _Heard(Heard())
    for chunk in case.chunks:
        heard.output(chunk)
    lines = [line.strip() for line in case.lines if line.strip()]
    assert heard.reason() == (lines[-1][:LONGEST_REASON] if lines else "")


def test_a_long_line_is_cut_at_its_end() -> None:
    heard = _Heard(Heard())
    heard.output("x" * 9999)
    assert heard.reason() == "x" * LONGEST_REASON


async def test_a_transport_that_is_not_there_is_said() -> None:
    with pytest.raises(CommandFailed, match="there is no transport 'pigeon'"):
        await run("", transport="pigeon")
