"""Signing in with Debian's slapd, by the settings and packages of docs/how-to/ldap.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import override_settings

from jobs.models import Team
from tests.support.django_servers import using_database
from tests.support.ldap_site import LdapSite, ldap_site
from tests.support.services import Services
from tests.support.slapd import Slapd, slapd
from tests.support.system_log import system_events, told

pytestmark = pytest.mark.timeout(600)
PASSWORD, LOCAL = "of the directory", "kept on this side"
ATTEMPTS = 3
OPERATOR, AUDITOR = "operator", "auditor"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as made:
        yield made


@pytest.fixture(scope="module")
def site(
    services: Services, directory: Slapd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LdapSite]:
    """The site, whose auditors must have a second factor; nobody is there yet."""
    folder, redis = tmp_path_factory.mktemp("site"), services.valkey.url
    own = {"REPRISE_SIGN_IN_ATTEMPTS_PER_ADDRESS": "0", "REPRISE_MFA_REQUIRED": AUDITOR}
    own["REPRISE_SIGN_IN_ATTEMPTS"] = str(ATTEMPTS)
    with services.database() as url, using_database(url):
        Team.objects.create(name="Europe", slug="eu")
        with ldap_site(folder, directory, url, redis, **own) as made:
            yield made


@pytest.fixture(autouse=True)
def nobody_in_groups(directory: Slapd) -> None:
    for group in ("ops", "admins", "security"):
        directory.set_group(group)


def make_local(name: str, *, superuser: bool = False) -> None:
    """Make a local account whose password the web process can check, too."""
    pbkdf2 = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=pbkdf2):
        make = User.objects.create_superuser if superuser else User.objects.create_user
        make(name, password=LOCAL)


def roles_of(name: str) -> list[str]:
    return list(User.objects.get(username=name).groups.values_list("name", flat=True))


def events_about(name: str) -> list[tuple[str, str, dict[str, Any]]]:
    found = [told(event) for event in system_events()]
    return [one for one in found if re.search(rf"\b{name}\b", str(one[2]))]


def test_groups_give_roles_teams_and_staff_and_the_log_says_so(
    site: LdapSite, directory: Slapd
) -> None:
    directory.add_person("ann", PASSWORD)
    directory.set_group("ops", "ann")
    directory.set_group("admins", "ann")
    assert site.lets_in("ann", PASSWORD)
    ann = User.objects.get(username="ann")
    assert roles_of("ann") == [OPERATOR]
    assert (ann.is_staff, ann.is_superuser, ann.has_usable_password()) == (True, False, False)
    assert list(Team.objects.filter(members=ann).values_list("slug", flat=True)) == ["eu"]
    assert (ann.last_name, ann.email) == ("Ann", "ann@example.org")
    changes = events_about("ann")
    assert {actor for what, actor, _ in changes if what != "signed_in"} == {"system:ldap"}
    assert [actor for what, actor, _ in changes if what == "signed_in"] == ["user:ann"]


def test_a_person_who_has_left_a_group_has_lost_its_role_at_the_next_sign_in(
    site: LdapSite, directory: Slapd
) -> None:
    directory.add_person("bea", PASSWORD)
    directory.set_group("ops", "bea")
    directory.set_group("admins", "bea")
    assert site.lets_in("bea", PASSWORD)
    directory.set_group("ops")
    assert site.lets_in("bea", PASSWORD)
    assert roles_of("bea") == []
    directory.set_group("admins")
    _, answer = site.sign_in("bea", PASSWORD)
    assert "no access to this service" in answer.text
    assert not User.objects.get(username="bea").is_staff


def test_nobody_without_a_group_gets_an_account(site: LdapSite, directory: Slapd) -> None:
    directory.add_person("cleo", PASSWORD)
    assert not site.lets_in("cleo", PASSWORD)
    assert not User.objects.filter(username="cleo").exists()


def test_wrong_passwords_and_none_let_nobody_in(site: LdapSite, directory: Slapd) -> None:
    directory.add_person("dora", PASSWORD)
    directory.set_group("ops", "dora")
    for password in ("", " ", PASSWORD.upper()):
        assert not site.lets_in("dora", password)
    code = (
        "from django.contrib.auth import authenticate as a;"
        f"print(a(username='dora', password=''), a(username='dora', password={PASSWORD!r}))"
    )
    assert site.manage("shell", "--no-imports", "-c", code).stdout.split() == ["None", "dora"]


NOT_ERIK = (
    "*", "er*", "erik)(uid=*", "erik)(|(uid=*))", "\\65rik", "ERIK", "Erik", "uid=erik",
    "\u00e9rik", "er\u00adik",
)  # fmt: skip


def test_a_name_is_nothing_but_the_name(site: LdapSite, directory: Slapd) -> None:
    directory.add_person("erik", PASSWORD)
    directory.set_group("ops", "erik")
    for known in (False, True):
        assert [name for name in NOT_ERIK if site.lets_in(name, PASSWORD)] == []
        assert User.objects.filter(email="erik@example.org").exists() == known
        assert site.lets_in("erik", PASSWORD)
    assert not User.objects.filter(username__in=NOT_ERIK).exists()


@pytest.mark.parametrize("local", ["root", "Fran"])
def test_a_local_account_is_not_the_directorys_person_of_its_name(
    site: LdapSite, directory: Slapd, local: str
) -> None:
    there = local.lower()
    make_local(local, superuser=True)
    directory.add_person(there, PASSWORD)
    directory.set_group("ops", there)
    assert not site.lets_in(there, PASSWORD)
    assert not site.lets_in(local, PASSWORD)
    assert site.lets_in(local, LOCAL)
    assert roles_of(local) == []


def test_an_account_can_be_connected_by_hand(site: LdapSite, directory: Slapd) -> None:
    make_local("gina")
    directory.add_person("gina", PASSWORD)
    directory.set_group("ops", "gina")
    ran = site.manage("people", "link", "gina", directory.id_of("gina"), "--ldap")
    assert ran.returncode == 0, ran.stderr
    assert site.lets_in("gina", PASSWORD)
    assert roles_of("gina") == [OPERATOR]
    assert SocialAccount.objects.get(user__username="gina").provider == "ldap"


def test_a_name_that_is_given_to_somebody_else_gives_no_account(
    site: LdapSite, directory: Slapd
) -> None:
    directory.add_person("hal", PASSWORD)
    directory.set_group("ops", "hal")
    assert site.lets_in("hal", PASSWORD)
    directory.remove_person("hal")
    directory.add_person("hal", PASSWORD)
    _, answer = site.sign_in("hal", PASSWORD)
    assert "another account with your name" in answer.text


def test_who_guesses_has_to_wait_and_the_log_has_it(site: LdapSite, directory: Slapd) -> None:
    directory.add_person("ivo", PASSWORD)
    directory.set_group("ops", "ivo")
    assert site.lets_in("ivo", PASSWORD)
    for _ in range(ATTEMPTS):
        assert not site.lets_in("ivo", "wrong")
    _, answer = site.sign_in("ivo", PASSWORD)
    assert answer.status_code == 429
    failures = [data for what, _, data in events_about("ivo") if what == "sign_in_failed"]
    assert len(failures) == ATTEMPTS


def test_a_role_that_takes_a_second_factor_takes_it_here_too(
    site: LdapSite, directory: Slapd
) -> None:
    directory.add_person("joy", PASSWORD)
    directory.set_group("security", "joy")
    browser, _ = site.sign_in("joy", PASSWORD)
    assert browser.get("/").headers["Location"].startswith("/second-factor")
    answer = browser.get("/api/jobs")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")


def test_a_disabled_account_stays_out_and_its_session_ends(
    site: LdapSite, directory: Slapd
) -> None:
    directory.add_person("kim", PASSWORD)
    directory.set_group("ops", "kim")
    browser, _ = site.sign_in("kim", PASSWORD)
    assert browser.get("/api/jobs").status_code == 200
    kim = User.objects.get(username="kim")
    kim.is_active = False
    kim.save()
    assert browser.get("/api/jobs").status_code == 401
    assert not site.lets_in("kim", PASSWORD)


def test_a_directory_that_is_silent_is_said_to_be_and_local_accounts_go_on(
    site: LdapSite, directory: Slapd
) -> None:
    make_local("local", superuser=True)
    directory.add_person("lea", PASSWORD)
    directory.set_group("ops", "lea")
    assert site.lets_in("lea", PASSWORD)
    with directory.paused():
        for _ in range(ATTEMPTS + 1):  # more than could be tried with a wrong password
            _, answer = site.sign_in("lea", PASSWORD)
            assert "directory does not answer" in answer.text
        assert site.lets_in("local", LOCAL)
        ran = site.manage("people", "check-ldap")
    assert ran.returncode == 1
    assert "could not be asked" in ran.stderr
    assert roles_of("lea") == [OPERATOR]
    assert site.lets_in("lea", PASSWORD)
    assert not [what for what, _, _ in events_about("lea") if what == "sign_in_failed"]


def test_the_directory_is_asked_again_about_people_with_a_session(
    site: LdapSite, directory: Slapd
) -> None:
    for name in ("mia", "ned", "oda"):
        directory.add_person(name, PASSWORD)
    directory.set_group("ops", "mia", "ned", "oda")
    browsers = {name: site.sign_in(name, PASSWORD)[0] for name in ("mia", "ned", "oda")}
    directory.set_group("ops", "mia")
    directory.remove_person("oda")
    ran = site.manage("people", "check-ldap")
    assert ran.returncode == 0, ran.stderr
    answers = {name: browser.get("/api/jobs").status_code for name, browser in browsers.items()}
    assert answers == {"mia": 200, "ned": 401, "oda": 401}
    assert (roles_of("mia"), roles_of("ned"), roles_of("oda")) == ([OPERATOR], [], [])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"LDAP_URL": "ldap://127.0.0.1:9"}, "could not be asked"),
        ({"LDAP_PASSWORD": "wrong"}, "could not be asked"),
        ({"LDAP_PEOPLE": "ou=groups,dc=example,dc=org"}, "finds none of these people"),
    ],
)
def test_where_nothing_answers_or_nobody_is_found_all_stays(
    site: LdapSite, directory: Slapd, changed: dict[str, str], reason: str
) -> None:
    if not User.objects.filter(username="pia").exists():
        directory.add_person("pia", PASSWORD)
    directory.set_group("ops", "pia")
    browser, _ = site.sign_in("pia", PASSWORD)
    ran = site.manage("people", "check-ldap", **changed)
    assert (ran.returncode, reason in ran.stderr) == (1, True), ran.stderr
    assert roles_of("pia") == [OPERATOR]
    assert browser.get("/api/jobs").status_code == 200


def test_what_the_directory_says_about_somebody_can_be_looked_at(
    site: LdapSite, directory: Slapd
) -> None:
    directory.add_person("quin", PASSWORD)
    directory.set_group("ops", "quin")
    ran = site.manage("people", "check-ldap", "quin")
    assert "groups: ops\ngives: operator, team:eu" in ran.stdout
    assert "nobody with the name rex" in site.manage("people", "check-ldap", "rex").stderr
    assert not User.objects.filter(username="quin").exists()
