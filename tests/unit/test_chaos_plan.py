"""What ops/chaos is going to break: drawn from a seed, and from nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise

from ops.setup.clone import ROOT
from tests.chaos.faults import ACTS
from tests.chaos.kinds import FAULTS
from tests.chaos.plan import FAULTY, LASTS, Planned, SitePlan, draw, with_faulty
from tests.chaos.run import MODES
from tests.chaos.streams.faults import ACTS as STREAM_ACTS
from tests.chaos.updates import HOSTS, JOBS

SERVERS = 3
UPDATES = {"jobs": JOBS, "hosts": HOSTS}


def plan(seed: int, runs: int = 200, mode: str = "jobs") -> list[Planned]:
    return draw(seed, runs, UPDATES[mode].sites, UPDATES[mode].turns, SERVERS)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)


def test_a_shorter_plan_is_the_beginning_of_a_longer_one() -> None:
    assert plan(7, runs=40) == plan(7, runs=200)[:40]


def test_every_fault_comes_about_as_often_where_it_can_come() -> None:
    planned, sites = plan(7), JOBS.sites
    for number, site in enumerate(sites):
        dealt = Counter(one.fault for one in planned if one.site == number)
        cards = Counter(site.faults)
        assert set(dealt) == set(cards)
        packs = [dealt[name] / cards[name] for name in cards]
        assert max(packs) - min(packs) <= 1
    assert {sites[one.site].transport for one in planned if one.fault == "ssh-cut"} == {"ssh"}


def test_moments_are_within_a_run_and_faults_last_as_long_as_they_may() -> None:
    for one in plan(7):
        shortest, longest = LASTS.get(one.fault, (0, 0))
        assert shortest <= one.lasts <= longest
        assert 0 <= one.after < 7 * SERVERS
        assert 0 <= one.delay < 1
        assert one.pick in range(SERVERS)


def test_sites_come_in_turns_and_each_changes_its_version_with_every_run() -> None:
    planned = plan(7, runs=42, mode="hosts")
    assert Counter(one.site for one in planned) == {0: 6, 1: 18, 2: 18}
    for number in range(3):
        versions = [one.version for one in planned if one.site == number]
        assert all(then != now for then, now in pairwise(versions))


def test_whatever_may_be_planned_can_be_done() -> None:
    acts = {"jobs": ACTS, "hosts": ACTS, "streams": STREAM_ACTS}
    for name, known in acts.items():
        assert set(MODES[name].faults) <= set(known)


def test_the_command_line_is_read_before_there_is_a_database() -> None:
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "tests.chaos.run", "jobs", "--plan", "--runs", "1"]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_some_faults_alone_come_to_the_sites_that_know_them() -> None:
    only = JOBS.only(["ssh-cut"])
    assert only.sites == [SitePlan("ssh", ("ssh-cut", "ssh-cut"))] * 2
    assert {one.fault for one in draw(7, 20, only.sites, only.turns, SERVERS)} == {"ssh-cut"}


def test_every_so_manieth_run_is_of_a_kind_that_misbehaves_and_the_others_are_as_they_were() -> (
    None
):
    planned, changed = plan(7), with_faulty(plan(7), 10)
    ours = [one for one in changed if one.fault.startswith(FAULTY)]
    assert [one.number for one in ours] == list(range(10, 201, 10))
    assert {one.fault.removeprefix(FAULTY) for one in ours} == set(FAULTS)
    assert [one for one in changed if one not in ours] == [
        one for one in planned if one.number % 10
    ]
    assert with_faulty(planned, 0) == planned
