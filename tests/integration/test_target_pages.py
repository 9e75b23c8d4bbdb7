"""The pages of the inventory: who sees what of it, and how staff change it."""

from __future__ import annotations

import pytest

from jobs.models import Claim, Right, Target
from tests.support.factories import ATTEMPT, make_job
from tests.support.pages import Pages
from tests.support.people import People
from tests.support.rights_fleet import granted_fleet
from tests.support.system_log import system_events

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")

FORM = {
    "name": "gs-9", "group": "eu", "labels": '{"role": "web"}', "transport": "ssh",
    "address": "ssh://deploy@host", "variables": '{"credential": "key"}',
}  # fmt: skip


@pytest.fixture
def root(people: People) -> Pages:
    return Pages(people.root)


def make_targets(count: int = 3) -> None:
    Target.objects.bulk_create(
        Target(name=f"gs-{n:03}", group="eu" if n % 2 else "us", labels={"rack": str(n)})
        for n in range(count)
    )


def test_each_role_sees_what_is_theirs(people: People) -> None:
    make_targets()
    for person, status in (
        (people.alice, 200), (people.vera, 200), (people.audrey, 200), (people.root, 200),
        (people.nobody, 403),
    ):  # fmt: skip
        answer = Pages(person).read("/targets")
        assert (person.user.username, answer.status) == (person.user.username, status)
        assert ("gs-001" in answer.text) == (status == 200)
        assert ("Add target" in answer.text) == (person is people.root)


def test_only_staff_change_the_inventory(people: People) -> None:
    make_targets(1)
    target = Target.objects.get()
    pages = [f"/inventory/{target.pk}/{act}" for act in ("edit", "retire")]
    for person in (people.alice, people.vera, people.audrey, people.nobody):
        for path in ("/inventory/new", *pages):
            assert Pages(person).read(path).status == 403
            assert Pages(person).send(path, **FORM).status == 403
    assert list(Target.objects.values_list("name", "group")) == [("gs-000", "us")]


def test_with_rights_only_targets_of_ones_teams_are_there(people: People) -> None:
    with granted_fleet(people):
        everything = ["ap-1", "eu-1", "eu-2", "us-1"]
        assert Pages(people.carol).rows("/targets") == ["ap-1", "us-1"]
        assert Pages(people.carol).rows("/targets", text="eu") == []
        assert Pages(people.carol).rows("/targets", group="eu") == []
        for person in (people.alice, people.audrey, people.root):
            assert Pages(person).rows("/targets") == everything
        Right.objects.filter(team=people.blue).delete()
        assert Pages(people.carol).rows("/targets") == []


def test_a_target_is_added_changed_and_retired(root: Pages) -> None:
    answer = root.send("/inventory/new", **FORM)
    assert (answer.status, answer.to) == (302, "/targets")
    assert "The target was added." in root.read("/targets").text
    target = Target.objects.get()
    assert (target.labels, target.variables) == ({"role": "web"}, {"credential": "key"})
    path = f"/inventory/{target.pk}"
    assert '"role": "web"' in root.read(f"{path}/edit").text
    root.send(f"{path}/edit", **{**FORM, "group": "us"})
    assert Target.objects.get().group == "us"
    assert "Retire gs-9" in root.read(f"{path}/retire").text
    assert Target.objects.exists()
    assert root.send(f"{path}/retire").to == "/targets"
    assert not Target.objects.exists()
    assert root.read(f"{path}/edit").status == 404
    told = [
        (event.type, event.actor)
        for event in system_events()
        if event.data.get("object") == "target"
    ]
    assert told == [(f"system.{act}", "user:root") for act in ("added", "changed", "removed")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "group:x"}, "A name cannot begin with"),
        ({"name": "a\u202eb"}, "U+202E"),
        ({"name": "x" * 201}, "at most 200"),
        ({"name": "gs-001"}, "already exists"),
        ({"labels": "{"}, "JSON"),
        ({"labels": '{"a": 1}'}, "Labels must be"),
        ({"variables": '{"a": NaN}'}, ""),
        ({"variables": "[]"}, "Variables must be"),
        ({"variables": "[" * 100_000}, ""),
        ({"transport": "carrier-pigeon"}, ""),
        ({"address": ""}, ""),
        ({"variables": '{"credential": 7}'}, "credential"),
    ],
)
def test_what_is_no_use_is_refused_at_its_field(
    root: Pages, change: dict[str, str], said: str
) -> None:
    make_targets(2)
    answer = root.send("/inventory/new", **{**FORM, **change})
    assert answer.status == 200
    assert len(answer.errors) >= 1
    assert any(said in one for one in answer.errors), answer.errors
    assert Target.objects.count() == 2


def test_filters_and_pages_hold_every_target_once(root: Pages) -> None:
    make_targets(120)
    first = root.read("/targets").text
    assert "before=" not in first
    found, path = [], "/targets?"
    while path:
        text = root.read(path).text
        found += root.rows(path)
        links = (
            text.partition('rel="next"')[0].rpartition('href="')[2] if 'rel="next"' in text else ""
        )
        path = links.partition('"')[0]
    assert found == sorted(Target.objects.values_list("name", flat=True))
    assert root.rows("/targets", before="gs-100") == found[50:100]
    assert root.rows("/targets", text="gs-11") == found[110:120]
    assert root.rows("/targets", label="rack=7") == ["gs-007"]
    assert len(root.rows("/targets", group="eu", after="gs-110")) == 5


def test_a_job_that_one_may_not_see_is_not_named(people: People) -> None:
    make_targets(2)
    job = make_job(people.alice.user, [ATTEMPT], team=people.red, title="Secret plans")
    Claim.objects.create(job=job, target="gs-000", ticket=1, held=True)
    waiting = make_job(people.alice.user, [ATTEMPT], team=people.red)
    Claim.objects.create(job=waiting, target="gs-000", ticket=2, held=False)
    for person, named in ((people.alice, True), (people.carol, False), (people.root, True)):
        text = Pages(person).read("/targets").text
        assert ("Secret plans" in text) == named
        assert "in use" in text
        assert "1 waiting" in text
    assert Pages(people.carol).rows("/targets", state="busy") == ["gs-000"]
    assert Pages(people.carol).rows("/targets", state="free") == ["gs-001"]
    assert Pages(people.carol).rows("/targets", state="waited") == ["gs-000"]
    number = Target.objects.get(name="gs-000").pk
    asked = Pages(people.root).read(f"/inventory/{number}/retire").text
    assert "A job works on it now: Secret plans." in asked


def test_addresses_are_for_staff(people: People, root: Pages) -> None:
    root.send("/inventory/new", **FORM)
    assert "deploy@host" in root.read("/targets").text
    assert "deploy@host" not in Pages(people.alice).read("/targets").text
    assert Pages(people.alice).rows("/targets", text="deploy") == []
