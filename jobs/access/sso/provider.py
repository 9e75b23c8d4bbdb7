"""What is asked of the provider: its addresses and keys, who somebody is now, and signing out.

Every call is bounded in time and in bytes. An answer counts only if it fits: a document of another
issuer, a token that is not signed by the provider's keys, is for somebody else or is too old are
all the same as none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings

SECONDS = 5.0
MAX_BYTES = 1024 * 1024
KEPT_SECONDS = 300.0  # the provider's addresses and keys
LEEWAY_SECONDS = 60  # between two clocks
# Signatures by a key that only the provider has: no `none`, and no HMAC by the client's secret.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

Claims = Mapping[str, Any]


class ProviderUnavailable(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """The provider cannot be reached, or its answer cannot be used; what was known may stay."""


class SignInRefused(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """The provider no longer vouches for somebody."""


class BadToken(ProviderUnavailable):
    """A token is not the provider's, not for this service, or no longer valid."""


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What the provider gave for somebody: claims, and the tokens to ask again and to sign out."""

    claims: Claims
    id_token: str
    refresh_token: str


class _Kept:
    """An answer of the provider's, by address, for some minutes."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, dict[str, Any]]] = {}
        self._lock = Lock()

    def read(self, address: str, *, fresh: bool = False) -> dict[str, Any]:
        """Return the document; asked for again if it is old, or `fresh` and not of just now."""
        with self._lock:
            at, found = self._found.get(address, (float("-inf"), {}))
        age = time.monotonic() - at
        if age > (LEEWAY_SECONDS if fresh else KEPT_SECONDS):
            found = _call("GET", address)
            with self._lock:
                self._found[address] = (time.monotonic(), found)
        return found


_documents = _Kept()


def find_addresses() -> dict[str, Any]:
    """Return the provider's configuration (OIDC Discovery). Raises ProviderUnavailable."""
    issuer: str = settings.REPRISE.oidc_issuer
    found = _documents.read(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise ProviderUnavailable("its configuration names another issuer than REPRISE_OIDC_ISSUER")
    return found


def read_claims(access_token: str, id_token: str) -> dict[str, Any]:
    """Return what an ID token and the user info say together. Raises ProviderUnavailable.

    Both must be of the same subject. Without an ID token, as after a renewal, the user info alone.
    """
    claims = verify_id_token(id_token) if id_token else {}
    address = find_addresses().get("userinfo_endpoint")
    if address:
        headers = {"Authorization": f"Bearer {access_token}"}
        told = _call("GET", address, headers=headers)
        if claims and told.get("sub") != claims["sub"]:
            raise BadToken("its user info is of somebody else")
        claims = {**told, **claims}
    if not isinstance(claims.get("sub"), str):
        raise BadToken("it does not say whose claims these are")
    return claims


def renew(grant_token: str, subject: str) -> Grant:
    """Ask again about somebody, by their refresh token.

    Raises SignInRefused if the provider gives no more, ProviderUnavailable if that is not known.
    """
    answer = request_tokens(grant_type="refresh_token", refresh_token=grant_token)
    id_token = str(answer.get("id_token") or "")
    claims = read_claims(str(answer.get("access_token")), id_token)
    if claims["sub"] != subject:
        raise SignInRefused("The provider answered for somebody else.")
    return Grant(claims, id_token, str(answer.get("refresh_token") or grant_token))


def request_tokens(**form: str) -> dict[str, Any]:
    """Return what the token endpoint answers to a form of this client's.

    Raises SignInRefused for a code or a refresh token that is no longer good.
    """
    found, config = find_addresses(), settings.REPRISE
    own = {"client_id": config.oidc_client_id, "client_secret": config.oidc_client_secret}
    methods = found.get("token_endpoint_auth_methods_supported")
    in_form = isinstance(methods, list) and "client_secret_post" in methods
    return _call(
        "POST",
        str(found.get("token_endpoint")),
        data={**form, **own} if in_form else form,
        auth=None if in_form else (config.oidc_client_id, config.oidc_client_secret),
    )


def logout_address(id_token: str, back_to: str) -> str | None:
    """Return where a browser signs out at the provider; None if that is not to be had."""
    try:
        address = find_addresses().get("end_session_endpoint")
    except ProviderUnavailable:
        return None
    if not isinstance(address, str) or not address.startswith(("https://", "http://")):
        return None
    query = {
        "id_token_hint": id_token,
        "client_id": settings.REPRISE.oidc_client_id,
        "post_logout_redirect_uri": back_to,
    }
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def verify_id_token(raw: str) -> dict[str, Any]:
    """Return an ID token's claims. Raises BadToken, or ProviderUnavailable without its keys."""
    claims = _verify_token(raw, ["exp", "iat", "sub"])
    audience = claims["aud"]
    ours = settings.REPRISE.oidc_client_id
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != ours:
        raise BadToken("the ID token was issued to another service")
    return claims


def verify_logout_token(raw: str) -> dict[str, Any]:
    """Return the claims of a logout token (Back-Channel Logout 1.0). Raises what the other does."""
    claims = _verify_token(raw, ["iat", "jti"])
    events = claims.get("events")
    if not isinstance(events, dict) or LOGOUT_EVENT not in events or "nonce" in claims:
        raise BadToken("this is no logout token")
    if time.time() - float(claims["iat"]) > 2 * LEEWAY_SECONDS:
        raise BadToken("the logout token is old")
    return claims


def _verify_token(raw: str, required: list[str]) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(raw)
        key = _find_key(header)
        claims: dict[str, Any] = jwt.decode(
            raw,
            key=key,
            algorithms=[key.algorithm_name],
            audience=settings.REPRISE.oidc_client_id,
            issuer=settings.REPRISE.oidc_issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": [*required, "iss", "aud"]},
        )
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError) as error:
        raise BadToken(f"a token is not valid: {error}") from error
    return claims


def _find_key(header: Mapping[str, Any]) -> jwt.PyJWK:
    """Return the key that a token's header names; asked for again where it is not known."""
    if header.get("alg") not in ALGORITHMS:
        raise BadToken("a token is not signed as it should be")
    address = str(find_addresses().get("jwks_uri"))
    for fresh in (False, True):
        for key in jwt.PyJWKSet.from_dict(_documents.read(address, fresh=fresh)).keys:
            named = header.get("kid") in {key.key_id, None} and key.public_key_use != "enc"
            if named and key.algorithm_name == header["alg"]:
                return key
    raise BadToken("a token is signed by a key that is not the provider's")


def _call(method: str, address: str, **options: Any) -> dict[str, Any]:
    """Return the JSON object that an address answers (`options` are httpx's)."""
    try:
        with (
            httpx.Client(timeout=SECONDS) as client,
            client.stream(method, address, **options) as answer,
        ):
            found = json.loads(_read_bounded(answer))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        raise ProviderUnavailable(f"{type(error).__name__} at {address}") from error
    if not isinstance(found, dict):
        raise ProviderUnavailable(f"no JSON object at {address}")
    if found.get("error") == "invalid_grant":
        raise SignInRefused("The provider refused to renew the sign-in.")
    if answer.status_code != httpx.codes.OK:
        raise ProviderUnavailable(f"status {answer.status_code} at {address}")
    return found


def _read_bounded(answer: httpx.Response) -> bytes:
    """Return a body. Raises ValueError if it is too long or takes too long."""
    until, body = time.monotonic() + SECONDS, bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > MAX_BYTES or time.monotonic() > until:
            raise ValueError("the answer is too long, or too slow")
    return bytes(body)
