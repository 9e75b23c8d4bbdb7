"""`reprise fork JOB`: a new job that keeps what is recorded of another one, and goes on there."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from streams.client.addresses import Addresses
from streams.client.command.lines import one_line
from streams.client.command.options import find_token
from streams.client.errors import Unreachable
from streams.client.transports.http import Door, post_json, read_json

GIVE_UP_SECONDS = 60.0


def make_door(given: argparse.Namespace) -> Door:
    """Return the way to the job that the arguments name; ValueError if they cannot be used."""
    server = given.server or os.environ.get("REPRISE_SERVER", "")
    return Door(Addresses(given.job, server), find_token(given, os.environ))


async def make_fork(door: Door, given: argparse.Namespace, body: Mapping[str, Any]) -> int:
    """Make the fork and print the address of its page, or with `dry_run` what it would keep.

    Returns 0. Raises Refused and Unreachable.
    """
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await (_show_plan(door, given) if given.dry_run else _post_fork(door, given, body))
            return 0
    except TimeoutError as error:
        raise Unreachable("timeout", "There was no answer in time.") from error
    finally:
        await door.close()


def fork_body(given: argparse.Namespace) -> dict[str, Any]:
    """Return what to send for the arguments; ValueError for a parameter without a value."""
    body: dict[str, Any] = {"at": given.at}
    if given.targets:
        body["targets"] = given.targets
    if given.params:
        body["params"] = dict(map(_parse_param, given.params))
    return body


async def _show_plan(door: Door, given: argparse.Namespace) -> None:
    plan = await read_json(door, door.addresses.fork(given.at))
    print(json.dumps(plan, ensure_ascii=False) if given.json else "\n".join(plan_lines(plan)))


async def _post_fork(door: Door, given: argparse.Namespace, body: Mapping[str, Any]) -> None:
    headers = {"Idempotency-Key": given.key} if given.key else {}
    made = await post_json(door, door.addresses.fork(), body, headers)
    page = Addresses(made["id"], door.addresses.root).page
    print(json.dumps(made, ensure_ascii=False) if given.json else page)


def plan_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a fork would keep and run again, a line for each target that goes on."""
    kept = plan["kept"]
    steps = f"{kept:,} recorded step{' is' if kept == 1 else 's are'} kept"
    yield one_line(f"Goes on from {plan['words']}; {steps}.")
    for row in plan["rows"]:
        place = row["target"] or "the run"
        yield one_line(f"  {place}: {row['kept']} kept, from {row['again']} on")
    if plan["rows_more"]:
        yield f"  {plan['rows_more']} more"


def _parse_param(text: str) -> tuple[str, Any]:
    """Return a parameter of NAME=VALUE, whose value is JSON or, if it is not, a text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"Not NAME=VALUE: {text}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
