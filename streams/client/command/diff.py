"""`reprise diff A B`: two runs beside each other, in words or as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from core.terminal import reveal_json
from streams.client.addresses import Addresses
from streams.client.command.lines import line_prefix, one_line
from streams.client.errors import Unreachable
from streams.client.transports.http import Door, read_json

SAME, DIFFERENT = 0, 1
GIVE_UP_SECONDS = 60.0


async def print_diff(door: Door, other: Addresses, *, as_json: bool) -> int:
    """Print how a job differs from another; return 0 if it does not, else 1.

    Raises Refused and Unreachable.
    """
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            found = await read_comparison(door, other, whole=as_json)
    except TimeoutError as error:
        raise Unreachable("timeout", "There was no answer in time.") from error
    finally:
        await door.close()
    if as_json:
        text = json.dumps(found, ensure_ascii=False)
        print(reveal_json(text) if sys.stdout.isatty() else text)
    else:
        for line in diff_lines(found):
            print(line)
    return SAME if found["same"] else DIFFERENT


async def read_comparison(door: Door, other: Addresses, *, whole: bool) -> dict[str, Any]:
    """Return the server's comparison: its steps that differ, or with `whole` all of them."""
    found = await read_json(door, door.addresses.compare(other))
    while (after := found["steps_next"]) and (whole or _differs(found["steps"][-1])):
        more = await read_json(door, door.addresses.compare(other, after))
        found["steps"] += more["steps"]
        found["steps_next"] = more["steps_next"]
    return found


def diff_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each run, each difference, and the sum."""
    left, right = found["left"], found["right"]
    for name, run in (("First run: ", left), ("Second run:", right)):
        yield f"{name} {_run_words(run)}"
    if "kind" in found["outcome"]:
        yield f"kind: {one_line(left['kind'])} → {one_line(right['kind'])}"
    for value in found["parameters"]:
        yield from _value_lines(value)
    if found["parameters_more"]:
        yield "More parameters differ."
    for step in filter(_differs, found["steps"]):
        yield _step_line(step)
    yield _sum_line(found)


def _differs(step: Mapping[str, Any]) -> bool:
    return bool(step["differs"]) or not step["left"] or not step["right"]


def _run_words(run: Mapping[str, Any]) -> str:
    took = "" if run["seconds"] is None else f" after {run['seconds']:.1f} s"
    return f"{one_line(run['title'])} #{run['id'][-8:]}, {run['status']}{took}"


def _value_lines(value: Mapping[str, Any]) -> Iterator[str]:
    for sign, side in (("-", "left"), ("+", "right")):
        for one in value[side]:
            text = one if value["items"] and isinstance(one, str) else _value_text(one)
            yield f"{sign} {one_line(value['pointer'])}: {one_line(text)}"


def _value_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _step_line(step: Mapping[str, Any]) -> str:
    number = f" no. {step['occurrence']}" if step["occurrence"] > 1 else ""
    prefix = line_prefix(step["target"], f"{step['step']}{number}")
    return f"{prefix}{_outcome_words(step['left'])} → {_outcome_words(step['right'])}"


def _outcome_words(step: Mapping[str, Any] | None) -> str:
    if step is None:
        return "not there"
    tries = f", {step['try']} tries" if step["try"] > 1 else ""
    error = step["error"]
    said = error.get("message") if isinstance(error, dict) else None
    return f"{step['status']}{tries}{f' ({one_line(str(said))})' if said else ''}"


def _sum_line(found: Mapping[str, Any]) -> str:
    counts = found["counts"]
    aligned = counts["same"] + counts["different"]
    return (
        f"{counts['different']:,} of {aligned:,} steps differ;"
        f" {counts['only_left']:,} only in the first run,"
        f" {counts['only_right']:,} only in the second."
    )
