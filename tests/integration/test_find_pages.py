"""Finding by a text, and what a browser keeps of how pages are shown."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.models import Target
from tests.support.factories import ATTEMPT, make_job
from tests.support.pages import Pages
from tests.support.people import People, Person, django_client
from tests.support.rights_fleet import granted_fleet

pytestmark = pytest.mark.usefixtures("database", "redis", "say_kinds")


def found(person: Person, text: str) -> dict[str, list[str]]:
    headers = {"Accept": "application/json"}
    answer: Any = Pages(person).client.get("/find", {"q": text}, headers=headers).json()
    return {one["title"]: [hit["label"] for hit in one["hits"]] for one in answer["groups"]}


def test_each_finds_what_they_may_see(people: People) -> None:
    make_job(people.alice.user, [ATTEMPT], team=people.red, title="Restart eu-1")
    with granted_fleet(people):
        assert found(people.alice, "eu-1") == {"Jobs": ["Restart eu-1"], "Targets": ["eu-1"]}
        assert found(people.carol, "eu-1") == {}
        assert found(people.root, "eu-1") == {"Jobs": ["Restart eu-1"], "Targets": ["eu-1"]}
        assert found(people.nobody, "eu-1") == {}
        assert "New job: Say words" in found(people.root, "say")["Pages and acts"]
        assert "Pages and acts" not in found(people.vera, "say")
        assert "Say words" not in str(found(people.carol, "say words"))
        assert "Say words" in found(people.audrey, "say words")["Kinds"]
    assert found(people.root, "sched") == {"Pages and acts": ["Schedules"]}
    assert found(people.alice, "sched") == {}


def test_what_is_odd_is_found_exactly_and_shown_plainly(people: People) -> None:
    Target.objects.create(name="a/b c?#<b>")
    pages = Pages(people.root)
    text = pages.client.get("/find", {"q": "B C?#<"}).content.decode()
    assert 'href="/targets/a%2Fb%20c%3F%23%3Cb%3E"' in text
    assert "a/b c?#&lt;b&gt;" in text
    for odd in ("\x00", "x" * 5000, "%", "\\", "'"):
        assert found(people.root, odd).get("Targets", []) == []
    assert django_client().get("/find").status_code == 302


def test_the_theme_is_kept_by_the_browser(people: People) -> None:
    pages = Pages(people.vera)
    assert "data-theme" not in pages.read("/help").text
    for theme in ("dark", "light"):
        assert pages.send("/preferences", theme=theme, next="/help?a=b").to == "/help?a=b"
        assert f'<html lang="en" data-theme="{theme}">' in pages.read("/help").text
    pages.send("/preferences", theme="system")
    assert "data-theme" not in pages.read("/help").text
    pages.client.cookies["reprise_theme"] = '"><script>'
    assert "data-theme" not in pages.read("/help").text


def test_the_time_zone_is_kept_by_the_browser(people: People) -> None:
    pages = Pages(people.root)
    assert "Europe/Berlin" in pages.read("/preferences").text
    pages.send("/preferences", zone="Europe/Berlin", theme="dark")
    assert '<html lang="en" data-theme="dark" data-zone="Europe/Berlin">' in pages.read("/").text
    assert 'value="Europe/Berlin"' in pages.read("/schedules/week").text
    assert 'value="Asia/Tokyo"' in pages.read("/schedules/week", zone="Asia/Tokyo").text
    pages.send("/preferences", theme="light")
    assert "data-zone" in pages.read("/").text
    for odd in ("", "Middle-earth", "\x00", '"><script>'):
        pages.send("/preferences", zone=odd)
        assert "data-zone" not in pages.read("/").text
        pages.client.cookies["reprise_zone"] = odd
        assert "data-zone" not in pages.read("/").text


@pytest.mark.parametrize(
    "next_",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "",
        "/\r\nSet-Cookie: a=b",
    ],
)  # fmt: skip
def test_preferences_lead_nowhere_else(people: People, next_: str) -> None:
    assert Pages(people.vera).send("/preferences", theme="dark", next=next_).to == "/"
