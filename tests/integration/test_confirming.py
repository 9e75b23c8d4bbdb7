"""Before second factors change, people confirm that it is still they."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.integration.test_second_factor import send, sign_in
from tests.support.factories import make_user

pytestmark = pytest.mark.usefixtures("database")


def an_hour_later(browser: Client) -> None:
    """Let a sign-in be long ago, which confirms as well."""
    session = browser.session
    for one in session["account_authentication_methods"]:
        one["at"] -= 3600
    session.save()


def test_a_password_confirms_and_guesses_wait() -> None:
    make_user("ann")
    browser = sign_in()
    assert browser.get("/second-factor/app").status_code == 200
    an_hour_later(browser)
    asked = browser.get("/second-factor/app")["Location"]
    assert asked == "/confirm?next=%2Fsecond-factor%2Fapp"
    assert "That is not your password." in send(browser, asked, password="wrong").text
    assert send(browser, asked, password="secret")["Location"] == "/second-factor/app"
    assert browser.get("/second-factor/app").status_code == 200
    an_hour_later(browser)
    for _ in range(5):
        send(browser, asked, password="wrong")
    answer = send(browser, asked, password="secret")
    assert "Too many attempts. The password was not checked." in answer.text


@pytest.mark.parametrize("place", ["https://evil.example.org/", "//evil.example.org"])
def test_confirming_leads_nowhere_else(place: str) -> None:
    make_user("ann")
    answer = send(sign_in(), f"/confirm?next={place}", password="secret")
    assert answer["Location"] == "/"
