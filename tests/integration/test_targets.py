"""The inventory: chosen by selectors, filled from files, kept by hand in the admin."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.errors import InvalidParams
from jobs.models import Target
from jobs.targets import common_selectors, expand_names, select_targets
from tests.support.people import People

pytestmark = pytest.mark.usefixtures("database")

FILE = """\
targets:
  - name: web-1
    group: eu
    labels: {role: web, tier: "1"}
    transport: ssh
    address: ssh://deploy@web-1.example.org
    variables:
      ctl: [/opt/ctl, --fast]
  - name: web-2
    group: us
    labels: {role: web}
  - {name: db-1, group: eu, labels: {role: db}}
"""

# Eight lines that are 10 ** 8 values with their aliases written out.
BOMB = (
    "{"
    + ", ".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10) if n else '1'}]" for n in range(9))
    + "}"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "targets.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def stocked(file: Path) -> Path:
    run("import", file)
    return file


def run(*words: Any) -> list[str]:
    reported = StringIO()
    call_command("targets", *map(str, words), stdout=reported)
    return reported.getvalue().splitlines()


def names() -> list[str]:
    return list(Target.objects.values_list("name", flat=True))


def test_a_file_fills_the_inventory_once(file: Path) -> None:
    assert run("import", file) == [
        "+ web-1 (ssh)",
        "+ web-2 (local)",
        "+ db-1 (local)",
        "3 added, 0 changed, 0 removed, 0 as they were. Done.",
    ]
    target = Target.objects.get(name="web-1")
    assert (target.group, target.labels) == ("eu", {"role": "web", "tier": "1"})
    assert (target.transport, target.address) == ("ssh", "ssh://deploy@web-1.example.org")
    assert target.variables == {"ctl": ["/opt/ctl", "--fast"]}
    assert run("import", file) == ["0 added, 0 changed, 0 removed, 3 as they were. Done."]


def test_a_dry_run_says_what_would_change_and_stores_nothing(stocked: Path) -> None:
    Target.objects.create(name="old", transport="ssh", address="ssh://old", variables={"a": 1})
    before = list(Target.objects.values())
    stocked.write_text("- name: old\n  address: here\n- name: new\n")
    assert run("import", stocked, "--dry-run", "--prune") == [
        "+ new (local)",
        "~ old transport: ssh → local, address: ssh://old → here, variables",
        "- db-1",
        "- web-1",
        "- web-2",
        "1 added, 1 changed, 3 removed, 0 as they were. Dry run: nothing was stored.",
    ]
    assert list(Target.objects.values()) == before


def test_what_is_not_in_the_file_stays_unless_it_is_pruned(stocked: Path) -> None:
    stocked.write_text("- {name: web-2, group: us, labels: {role: web}}\n")
    assert json.loads(run("import", stocked, "--json")[0]) == {
        "added": [], "changed": {}, "removed": [], "same": 1,
    }  # fmt: skip
    assert names() == ["db-1", "web-1", "web-2"]
    run("import", stocked, "--prune")
    assert names() == ["web-2"]


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("- name: a\n- nmae: b\n", "line 2: name: Field required; nmae: Extra inputs"),
        ("- name: a\n\n- name: a\n", "line 3: a is there already, on line 1"),
        ("- name: a\n- name: b\n  labels: {role: yes}\n", "line 2: target b: labels.role"),
        ("- name: b\n  labels: {tier: 1}\n", "labels.tier: Input should be a valid string (quote"),
        ("- name: a\n  name: b\n", "line 1: name is given twice"),
        ("- name: a\n  transport: pigeon\n", "target a: transport: There is no transport pigeon"),
        ("- name: a\n  transport: ssh\n", "target a: address: '' of a is not an address for ssh"),
        ("- name: group:a\n", "target group:a: name: A name cannot begin with group:"),
        ("- name: a\n  variables: {at: 2026-01-01}\n", "line 1: target a: variables.at"),
        ("targets:\n- a\n", "line 2: a target is a mapping"),
        ("hosts: []\n", "line 1: hosts is not known here"),
        ("a: [\n", "line 2: "),
        ("- !!python/object/apply:os.system [x]\n", "line 1: "),
        (f"- name: a\n  variables: {BOMB}\n", "line 1: it has more than 10,000 values"),
        ("- name: a\n  variables: &a {b: *a}\n", "line 1: it is nested more than 64 deep"),
        (f"- name: a\n  variables: {{a: {'[' * 70 + ']' * 70}}}\n", "nested more than 64 deep"),
        (f"- {'[' * 50_000}\n", "it is nested too deeply"),
        ("just text\n", "line 1: a list of targets is expected"),
    ],
)
def test_a_bad_file_is_told_by_its_lines_and_stores_nothing(
    file: Path, text: str, reported: str
) -> None:
    file.write_text(text)
    with pytest.raises(CommandError) as caught:
        run("import", file)
    assert str(caught.value).startswith(f"{file}: ")
    assert reported in str(caught.value)
    assert names() == []


def test_a_file_is_read_to_a_bound(file: Path) -> None:
    file.write_bytes(b"#" * (16 * 1024 * 1024 + 1))
    with pytest.raises(CommandError, match="larger than 16 MiB"):
        run("import", file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run("import", tmp_path / "none.yaml")


def test_the_list_is_for_people_and_for_scripts(stocked: Path) -> None:
    assert run("list", "group:us") == ["web-2\tus\tlocal\t\trole=web"]
    rows = [json.loads(line) for line in run("list", "--json")]
    assert [row["name"] for row in rows] == ["db-1", "web-1", "web-2"]
    assert rows[1]["variables"] == {"ctl": ["/opt/ctl", "--fast"]}
    with pytest.raises(CommandError, match="No target fits group:mars"):
        run("list", "group:mars")


def test_selectors_stand_for_targets_by_name_and_each_comes_once(stocked: Path) -> None:
    wanted = ["web-2", "group:eu", "label:role=web", "label:tier"]
    assert [target.name for target in select_targets(wanted)] == ["web-2", "db-1", "web-1"]
    assert expand_names(["unknown", "group:us"], "/x") == ["unknown", "web-2"]
    assert common_selectors() == [
        "group:eu", "group:us", "label:role=db", "label:role=web", "label:tier=1",
    ]  # fmt: skip


def test_what_stands_for_nothing_is_pointed_at(stocked: Path) -> None:
    with pytest.raises(InvalidParams) as caught:
        select_targets(["web-1", "web-9"])
    assert caught.value.errors == [{"pointer": "/targets/1", "detail": "There is no target web-9."}]
    with pytest.raises(InvalidParams) as caught:
        expand_names(["label:role=cook", "group:"], "/servers")
    assert [one["pointer"] for one in caught.value.errors] == ["/servers/0", "/servers/1"]


def test_the_admin_finds_targets_and_refuses_useless_ones(stocked: Path, people: People) -> None:
    root = people.root.user
    root.is_superuser = True
    root.save()
    browser = people.root.browser()
    page = browser.get("/admin/jobs/target/", {"label": "label:role=web"}).content.decode()
    assert "web-1" in page
    assert "db-1" not in page.partition('id="result_list"')[2].partition("</table>")[0]
    found = browser.get("/admin/jobs/target/", {"q": "web-1.example"}).content.decode()
    assert "1 target" in found
    form = {"name": "x", "labels": "{}", "variables": "{}", "transport": "ssh", "address": "x"}
    answer = browser.post("/admin/jobs/target/add/", form, headers=csrf(browser))
    assert "&#x27;x&#x27; of x is not an address for ssh" in answer.content.decode()
    answer = browser.post(
        "/admin/jobs/target/add/", form | {"address": "ssh://x"}, headers=csrf(browser)
    )
    assert answer.status_code == 302
    assert Target.objects.get(name="x").address == "ssh://x"


def csrf(browser: Any) -> dict[str, str]:
    """Return the header that a form's hidden field stands for."""
    return {"X-CSRFToken": browser.cookies["reprise_csrf"].value}
