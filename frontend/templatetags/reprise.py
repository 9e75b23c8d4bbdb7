"""What templates need beyond Django: the bar's facts, and how times and ids are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import template
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from core import clock
from core.terminal import plain_text, reveal, reveal_json
from frontend import words
from frontend.navigation import places_for
from jobs.access import run_rights, visibility
from jobs.access.visibility import Principal
from jobs.kinds import registry
from jobs.kinds.kind import AnyKind

register = template.Library()

THEME = f"{settings.COOKIE_PREFIX}reprise_theme"
ZONE = f"{settings.COOKIE_PREFIX}reprise_zone"
THEMES = ("light", "dark")  # what else a cookie says: as the system has it


@register.inclusion_tag("frontend/bar.html", takes_context=True)
def bar(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the bar at the top shows; without a signed-in user only the name."""
    user = context.get("user")
    request = context.get("request")
    path = request.path if request is not None else ""
    shown: dict[str, Any] = {"path": path, "places": [], "who": None, "kinds": []}
    if isinstance(user, User) and user.is_authenticated:
        principal = visibility.of_user(user)
        shown["who"] = user
        shown["role"] = role_of(user)
        shown["places"] = places_for(principal)
        shown["has_admin"] = any(place.group == "admin" for place in shown["places"])
        if principal.has("submit_job"):
            shown["kinds"] = kinds_for(user)
        shown["csrf_token"] = context.get("csrf_token")
        shown["full_path"] = request.get_full_path() if request is not None else "/"
        shown["theme"] = theme_of(request) or "system"
        shown["themes"] = (*THEMES, "system")
    return shown


@register.simple_tag(takes_context=True)
def shown_as(context: Mapping[str, Any]) -> str:
    """Return what the page's element says of the theme and the zone that its reader chose."""
    shown = {"theme": chosen_theme(context), "zone": chosen_zone(context)}
    return format_html_join("", ' data-{}="{}"', [one for one in shown.items() if one[1]])


@register.simple_tag(takes_context=True)
def chosen_theme(context: Mapping[str, Any]) -> str:
    """Return the theme that a browser keeps, "" for the system's own."""
    return theme_of(context.get("request"))


@register.simple_tag(takes_context=True)
def chosen_zone(context: Mapping[str, Any]) -> str:
    """Return the time zone that a browser keeps, "" for its own."""
    return zone_of(context.get("request"))


def theme_of(request: HttpRequest | None) -> str:
    """Return the theme that a browser keeps, "" for the system's own."""
    chosen = request.COOKIES.get(THEME, "") if request is not None else ""
    return chosen if chosen in THEMES else ""


def zone_of(request: HttpRequest | None) -> str:
    """Return the time zone that a browser keeps, "" for its own."""
    chosen = request.COOKIES.get(ZONE, "") if request is not None else ""
    return chosen if chosen and chosen in known_zones() else ""


@cache
def known_zones() -> frozenset[str]:
    """Return the names of the time zones; the files that have them are looked up once."""
    return frozenset(available_timezones())


@register.inclusion_tag("frontend/glyph.html")
def glyph(name: str) -> dict[str, str]:
    """Return one glyph of the set; decoration, the word stands beside it."""
    return {"name": name}


register.filter("reveal", reveal)
register.filter("reveal_json", reveal_json)
register.filter("plain_text", plain_text)
register.filter("actor", words.who)


@register.simple_tag
def moment(at: datetime) -> str:
    """Return an instant: relative where a script runs, else UTC to the minute; exact on hover."""
    text = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    element = '<reprise-time at="{}" title="{} UTC">{}</reprise-time>'
    return format_html(element, at.isoformat(), exact(at), text)


@register.simple_tag
def moment_text(text: str) -> str:
    """Return an instant that is given as the API writes it, as `moment` does."""
    return moment(clock.parse(text))


@register.filter
def duration(seconds: float | None) -> str:
    """Return how long something took; nothing for what has not ended."""
    return "" if seconds is None else words.duration(seconds)


@register.filter
def short_id(value: object) -> str:
    """Return an id as the pages show it (`text/format.ts` says why the last digits)."""
    return words.short_id(str(value))


@register.filter
def exact(at: datetime) -> str:
    """Return an instant in UTC to the millisecond: `2026-11-22 14:02:11.118`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def role_of(user: User) -> str:
    """Return in words what the user is here: the roles' names, or staff."""
    names = [*user.groups.order_by("name").values_list("name", flat=True)]
    if user.is_staff:
        names.append("staff")
    return ", ".join(names) or "no role"


def kinds_for(user: User) -> list[AnyKind]:
    """Return the kinds of job that the user may start."""
    principal = visibility.of_user(user)
    return [kind for kind in registry.all_kinds() if visibility.is_open(principal, kind)]


def kind_titles(principal: Principal) -> dict[str, str]:
    """Return the titles of the kinds that somebody may know of, by their names."""
    return {kind.name: kind.title for kind in run_rights.known_kinds(principal)}
