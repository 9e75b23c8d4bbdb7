"""Codes of second factors: for how long they are good, and where they come from."""

from __future__ import annotations

import random
import re
import time

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User

from tests.integration.test_second_factor import code_now, lets_in, send, sign_in
from tests.support.factories import make_user
from tests.support.people import django_client

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def key() -> str:
    """One of its own for each test: allauth remembers used codes for as long as the process."""
    return str(generate_totp_secret())


def test_a_code_of_a_minute_ago_is_refused(key: str) -> None:
    TOTP.activate(make_user("ann"), key)
    browser = sign_in()
    old = format_hotp_value(hotp_value(key, int(time.time()) // 30 - 2))
    assert "Wrong code" in send(browser, "/sign-in/code", code=str(old)).text
    assert not lets_in(browser)
    send(browser, "/sign-in/code", code=code_now(key))
    assert lets_in(browser)


def test_keys_and_recovery_codes_cannot_be_predicted() -> None:
    made = set()
    for _ in range(2):
        random.seed(1)  # what comes from this generator repeats
        made |= {generate_totp_secret(), RecoveryCodes.generate_seed()}
    assert len(made) == 4
    assert min(map(len, made)) * 5 >= 160  # base32 has five bits a sign; seeds are longer


def test_recovery_codes_have_twelve_digits() -> None:
    codes = RecoveryCodes.activate(make_user("ann")).generate_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"\d{12}", code) for code in codes)


def test_a_password_that_a_manager_resets_leaves_the_factor(key: str) -> None:
    ann = make_user("ann")
    before = sign_in()
    TOTP.activate(ann, key)
    manager = django_client()
    manager.force_login(User.objects.create_superuser("boss"))
    new = "quite another one, of hers"
    form = {"password1": new, "password2": new, "usable_password": "true"}
    assert send(manager, f"/admin/auth/user/{ann.pk}/password/", **form).status_code == 302
    assert not lets_in(before)
    browser = django_client()
    send(browser, "/sign-in", username="ann", password=new)
    assert not lets_in(browser)
    send(browser, "/sign-in/code", code=code_now(key))
    assert lets_in(browser)
