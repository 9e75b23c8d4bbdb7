"""The forms of the settings of single sign-on and of the second factor, and what may not be set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

ROLES = ("viewer", "operator", "commander", "auditor", "custodian", "manager")
"""The roles of `jobs.access.roles`, which settings may name."""

STAFF = "staff"
TEAM = "team:"
LDAP = "ldap"
"""What stands in the place of an issuer for people of an LDAP directory."""

FORM = "must look like ops=operator,ops=team:eu,admins=staff"
Groups = Mapping[str, frozenset[str]]
# A group's name is one of many in a claim, and an issuer is kept beside each person.
LONGEST_ISSUER = 200
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SignInSettings(Protocol):
    """The settings that `find_conflicts` looks at together."""

    @property
    def oidc_issuer(self) -> str: ...
    @property
    def oidc_client_id(self) -> str: ...
    @property
    def oidc_client_secret(self) -> str: ...
    @property
    def oidc_groups(self) -> Groups: ...
    @property
    def local_sign_in(self) -> str: ...


def split_groups(value: object) -> object:
    """Return what each group gives: roles, `staff`, `team:<slug>`; ValueError for anything else.

    `ops=operator,ops=team:eu`, or a JSON object where names of groups have commas.
    """
    if not isinstance(value, str):
        return value
    found: dict[str, frozenset[str]] = {}
    for group, gift in _pairs_of(value):
        if not group or not _is_gift(gift):
            known = ", ".join((*ROLES, STAFF))
            raise ValueError(f"{FORM}; a group gives a role ({known}) or team:<its slug>")
        found[group] = found.get(group, frozenset()) | {gift}
    return found


def check_roles(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the roles. Raises ValueError for an unknown role."""
    for word in value:
        if word not in {*ROLES, STAFF}:
            raise ValueError(f"{word!r} is no role: use {', '.join((*ROLES, STAFF))}")
    return value


def check_issuer(value: str) -> str:
    """Return the issuer's address; ValueError unless it is https (or http on this machine)."""
    parts = urlsplit(value)
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if value and not ((parts.scheme == "https" or plain) and parts.hostname):
        raise ValueError("must start with https://")
    if len(value) > LONGEST_ISSUER:
        raise ValueError(f"must have at most {LONGEST_ISSUER} characters")
    return value


def find_conflicts(config: SignInSettings) -> list[str]:
    """Return a line for each setting that is missing, or makes no sense, beside the others."""
    if not config.oidc_issuer:
        if config.local_sign_in == "on":
            return []
        return ["REPRISE_LOCAL_SIGN_IN: without REPRISE_OIDC_ISSUER nobody could sign in"]
    needed = {
        "REPRISE_OIDC_CLIENT_ID": config.oidc_client_id,
        "REPRISE_OIDC_CLIENT_SECRET": config.oidc_client_secret,
        "REPRISE_OIDC_GROUPS": config.oidc_groups,
    }
    return [
        f"{name}: single sign-on (REPRISE_OIDC_ISSUER) needs it"
        for name, value in needed.items()
        if not value
    ]


def _pairs_of(text: str) -> list[tuple[str, str]]:
    if not text.lstrip().startswith("{"):
        pairs = [word.rpartition("=") for word in text.split(",") if word.strip()]
        return [(group.strip(), gift.strip()) for group, _, gift in pairs]
    try:
        found: Any = json.loads(text)
    except ValueError:
        raise ValueError(f"{FORM}, or be a JSON object") from None
    if not all(isinstance(gifts, list) for gifts in found.values()):
        raise ValueError('a JSON object must look like {"ops": ["operator", "team:eu"]}')
    return [(group, str(gift)) for group, gifts in found.items() for gift in gifts]


def _is_gift(word: str) -> bool:
    return word in {*ROLES, STAFF} or (word.startswith(TEAM) and len(word) > len(TEAM))
