"""Make, change and remove subscriptions: one's own, and those of one's teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from core import clock
from core.errors import Forbidden, InvalidParams, NotFound
from core.terminal import hidden_words
from jobs.access import visibility
from jobs.access.scopes import ADMIN
from jobs.access.visibility import Principal
from jobs.models import NOTICE_EVENTS, Notice, Subscription, Team
from jobs.notices import mail, outbox
from jobs.notices.addresses import set_address
from jobs.schedules import BadSchedule
from jobs.schedules.cron import zone_of

MOST_OF_ONE = 20
LONGEST_DIGEST_MINUTES = 24 * 60
TEST = "test"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscription is to be; `address` None leaves where it goes as it is, "" is mail."""

    name: str
    events: Sequence[str]
    address: str | None = None
    kind: str = ""
    target: str = ""
    own: bool = False
    timezone: str = "UTC"
    quiet_from: time | None = None
    quiet_until: time | None = None
    digest_minutes: int = 1
    enabled: bool = True


def visible_subscriptions(principal: Principal) -> QuerySet[Subscription]:
    """Return somebody's own subscriptions and those of their teams, by name."""
    rows = Subscription.objects.select_related("user", "team").order_by("name", "pk")
    return rows.filter(Q(user=principal.user) | Q(team__in=principal.team_ids))


def get_subscription(principal: Principal, id_: UUID) -> Subscription:
    """Return one of them. Raises NotFound, and Forbidden for a token that may not manage them."""
    _require_manage(principal)
    found = visible_subscriptions(principal).filter(pk=id_).first()
    if found is None:
        raise NotFound("There is no such subscription of yours or of your teams.")
    return found


def make_subscription(principal: Principal, wish: Wish, team: Team | None = None) -> Subscription:
    """Keep a new subscription of somebody, or of a team of theirs.

    Raises Forbidden, and InvalidParams with the member that is wrong.
    """
    _require_manage(principal)
    visibility.require_act(principal, "view")
    if team is not None and team.pk not in principal.team_ids:
        raise Forbidden("You may subscribe teams that you are a member of.")
    one = Subscription(team=team, user=None if team else principal.user)
    _require_room(one)
    _take_wish(one, wish)
    set_address(one, wish.address or "")
    _require_mail(one)
    one.save(force_insert=True)
    return one


def change_subscription(principal: Principal, id_: UUID, wish: Wish) -> Subscription:
    """Have a subscription be what is wished; return it. Raises as `make_subscription`, NotFound."""
    one = get_subscription(principal, id_)
    _take_wish(one, wish)
    if wish.address is not None:
        set_address(one, wish.address)
        _require_mail(one)
    names = ["channel", "key_id", "ciphertext", *_plain_fields(wish)]
    with transaction.atomic():
        # Not how it stands, which the sweeper writes meanwhile.
        one.save(update_fields=names)
        Subscription.objects.filter(pk=one.pk).update(failures=0, error="", due_at=None)
        if Notice.objects.filter(outbox.UNSENT, subscription=one).exists():
            outbox.plan_messages([one.pk])
    one.refresh_from_db()
    return one


def remove_subscription(principal: Principal, id_: UUID) -> None:
    """Remove a subscription, with what waits for it."""
    get_subscription(principal, id_).delete()


def send_test(principal: Principal, id_: UUID) -> None:
    """Have a test sent the way that all notices go, quiet hours included."""
    tell_test(get_subscription(principal, id_))


def tell_test(one: Subscription) -> None:
    """Keep a test for a subscription. Raises InvalidParams for one that is switched off."""
    if not one.enabled:
        _refuse("/enabled", "The subscription is switched off.")
    outbox.add_notices([Notice(subscription=one, event=TEST, at=clock.now())])


def shown_values(one: Subscription) -> Mapping[str, object]:
    """Return what a subscription is, without where it goes, as the members of a wish."""
    return {name: getattr(one, name) for name in Wish.__slots__ if name != "address"}


def _plain_fields(wish: Wish) -> list[str]:
    return [name for name in type(wish).__slots__ if name != "address"]


def _take_wish(one: Subscription, wish: Wish) -> None:
    _check_wish(one, wish)
    for name in _plain_fields(wish):
        setattr(one, name, getattr(wish, name))
    one.events = [word for word in NOTICE_EVENTS if word in wish.events]


def _check_wish(one: Subscription, wish: Wish) -> None:
    """Raise InvalidParams for the first member that is of no use."""
    if not wish.name.strip() or hidden_words(wish.name):
        _refuse("/name", hidden_words(wish.name) or "Enter a name.")
    if unknown := sorted(set(wish.events) - set(NOTICE_EVENTS)):
        _refuse("/events", f"There is no {unknown[0]!r}. Choose of: {', '.join(NOTICE_EVENTS)}.")
    if not wish.events:
        _refuse("/events", f"Choose at least one of: {', '.join(NOTICE_EVENTS)}.")
    for name in ("kind", "target"):
        if words := hidden_words(getattr(wish, name)):
            _refuse(f"/{name}", words)
    if wish.own and one.team_id is not None:
        _refuse("/own", "A team submits no jobs of its own.")
    if (wish.quiet_from is None) != (wish.quiet_until is None):
        _refuse("/quiet_until", "Say from when and until when.")
    if not 0 <= wish.digest_minutes <= LONGEST_DIGEST_MINUTES:
        _refuse("/digest_minutes", f"Use 0 to {LONGEST_DIGEST_MINUTES}.")
    try:
        zone_of(wish.timezone)
    except BadSchedule as error:
        _refuse("/timezone", error.message)


def _require_manage(principal: Principal) -> None:
    principal.scope.require(ADMIN)
    principal.scope.require_unlimited()


def _require_room(one: Subscription) -> None:
    of_one = Subscription.objects.filter(user=one.user, team=one.team)
    if of_one.count() >= MOST_OF_ONE:
        _refuse("", f"There are {MOST_OF_ONE} subscriptions already: remove one.")


def _require_mail(one: Subscription) -> None:
    """Raise InvalidParams for mail that would reach nobody."""
    if one.channel != outbox.MAIL:
        return
    if not mail.is_set_up():
        _refuse("/address", "This installation sends no mail: give the address of a service.")
    if one.user is not None and not one.user.email:
        _refuse("/address", "Your account has no address of mail: give the address of a service.")


def _refuse(pointer: str, detail: str) -> None:
    raise InvalidParams([{"pointer": pointer, "detail": detail}])
