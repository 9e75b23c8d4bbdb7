"""Signing in at the provider: allauth's authorization code flow with PKCE, and stricter.

Beyond allauth: a nonce, the ID token's signature whatever way it came, only this flow's own
parameters, and nothing kept of what the provider says about a person but the subject. allauth
has the states: each is good for one callback, in the session that began it.
"""

from __future__ import annotations

import json
from typing import Any

from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare, get_random_string

from jobs.access.sso import provider, rights, sessions
from jobs.access.sso.provider import BadToken, Claims, Grant
from jobs.access.sso.rights import ACTOR, Rights
from jobs.secrets import keys
from jobs.system_log import acting_as

PENDING = "provider_pending"
"""The key of a grant, encrypted, in the data of a session whose user is not yet signed in."""

MAX_NAME = 100
_check_name = UnicodeUsernameValidator()


class NoRights(Exception):
    """None of somebody's groups gives them anything here."""


class Adapter(OpenIDConnectOAuth2Adapter):
    """allauth's client of a provider, over `jobs.access.sso.provider`."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's addresses."""
        return provider.find_addresses()

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return where the provider leads back to, which it has to know."""
        return request.build_absolute_uri(reverse("provider-callback"))

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: str = ""
    ) -> dict[str, Any]:
        """Return what the provider gives for the code in the callback's address."""
        return provider.request_tokens(
            grant_type="authorization_code",
            code=request.GET["code"],
            redirect_uri=client.callback_url,
            code_verifier=pkce_code_verifier,
        )

    def parse_token(self, data: Any) -> None:
        """Return None: no token is kept by allauth."""

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: None, **kwargs: Any
    ) -> SocialLogin:
        """Return who signs in, with the grant that says so. Raises ProviderUnavailable."""
        answer = kwargs["response"]
        id_token = str(answer.get("id_token") or "")
        if not id_token:
            raise BadToken("it gave no ID token")
        claims = provider.read_claims(str(answer.get("access_token")), id_token)
        login = self.get_provider().sociallogin_from_response(request, claims)
        login.grant = Grant(claims, id_token, str(answer.get("refresh_token") or ""))
        return login


class Provider(OpenIDConnectProvider):
    """allauth's description of the provider, as REPRISE_OIDC_* have it."""

    oauth2_adapter_class = Adapter

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Return what begins a sign-in: of the request's parameters only `next`, if it is ours."""
        found = super().get_redirect_from_request_kwargs(request)
        return {"process": "login", "next_url": found.get("next_url")}

    def redirect(
        self, request: HttpRequest, process: str, next_url: Any = None, data: Any = None, **_: Any
    ) -> HttpResponse:
        """Lead to the provider, with a nonce that its ID token has to bring back."""
        nonce = get_random_string(43)
        options = {"auth_params": {"nonce": nonce}, "nonce": nonce}
        return super().redirect(request, process, next_url, data, **options)

    def extract_uid(self, data: Claims) -> str:
        """Return the subject, which with the issuer is who somebody is."""
        return str(data["sub"])

    def extract_extra_data(self, data: Claims) -> dict[str, Any]:
        """Return nothing: claims are asked for again, not kept."""
        return {}

    def extract_common_fields(self, data: Claims) -> dict[str, Any]:
        """Return nothing: a name is chosen by `free_name`."""
        return {}

    def extract_email_addresses(self, data: Claims) -> list[Any]:
        """Return nothing: an address of mail says nothing about who somebody is here."""
        return []


def provider_app() -> SocialApp:
    """Return allauth's description of this client; SocialApp.DoesNotExist without settings."""
    config = settings.REPRISE
    if not config.oidc_issuer:
        raise SocialApp.DoesNotExist
    scopes = list(dict.fromkeys(["openid", *config.oidc_scopes]))
    return SocialApp(
        provider=OpenIDConnectProvider.id, provider_id=config.oidc_issuer, name=config.oidc_name,
        client_id=config.oidc_client_id, secret=config.oidc_client_secret,
        settings={"server_url": config.oidc_issuer, "scope": scopes, "oauth_pkce_enabled": True},
    )  # fmt: skip


def accept_login(request: HttpRequest, login: SocialLogin) -> None:
    """Check a callback's nonce and groups, before anybody is signed in.

    The rights of somebody who is known are brought up to date in any case. Raises BadToken, and
    NoRights where there are none.
    """
    grant: Grant = login.grant
    nonce = grant.claims.get("nonce")
    if not isinstance(nonce, str) or not constant_time_compare(nonce, login.state.get("nonce", "")):
        raise BadToken("the ID token is not for this sign-in")
    wanted = rights.rights_from(grant.claims)
    if login.is_existing:
        rights.apply_rights(login.user, wanted)
    if not wanted:
        raise NoRights
    if request.user.is_authenticated:
        auth.logout(request)  # allauth would do so next, and lose what is kept here
    request.session[PENDING] = _seal_grant(grant)


def add_person(request: HttpRequest, login: SocialLogin) -> User:
    """Make the account of somebody who signs in for the first time, with their rights."""
    grant: Grant = login.grant
    user: User = login.user
    wanted: Rights = rights.rights_from(grant.claims)
    with transaction.atomic(), acting_as(ACTOR):
        user.username = free_name(grant.claims)
        user.set_unusable_password()
        login.save(request)
        rights.apply_rights(user, wanted)
    return user


def finish_login(request: HttpRequest, user: User) -> None:
    """Note that the session in which somebody has just been signed in is the provider's."""
    pending = request.session.pop(PENDING, None)
    if pending is None:
        return
    grant = _open_grant(pending)
    account = SocialAccount.objects.filter(
        provider=settings.REPRISE.oidc_issuer, uid=grant.claims["sub"], user=user
    ).first()
    if account is not None:
        key = request.session.session_key or ""
        sessions.begin_session(request.session, key, account, grant)


def free_name(claims: Claims) -> str:
    """Return a user name for a new person: what their claim says, with a number if it is taken.

    Taken is also what differs in case alone: nobody must be mistaken for somebody else.
    """
    told = claims.get(settings.REPRISE.oidc_user_claim)
    name = User.normalize_username(told) if isinstance(told, str) else ""
    try:
        _check_name(name[:MAX_NAME])
    except ValidationError:
        name = "person"
    name = found = name[:MAX_NAME]
    number = 1
    while User.objects.filter(username__iexact=found).exists():
        number += 1
        found = f"{name}-{number}"
    return found


def _seal_grant(grant: Grant) -> str:
    key = keys.newest_key()
    kept = {name: grant.claims[name] for name in ("sub", "sid") if name in grant.claims}
    said = {"claims": kept, "id": grant.id_token, "refresh": grant.refresh_token}
    return f"{key.id}:{key.seal(json.dumps(said), PENDING.encode()).hex()}"


def _open_grant(sealed: str) -> Grant:
    key_id, _, text = sealed.partition(":")
    key = keys.by_id(key_id)
    if key is None:
        raise keys.SecretUnreadable("The key of this sign-in is not on this machine.")
    said = json.loads(key.open(bytes.fromhex(text), PENDING.encode()))
    return Grant(said["claims"], said["id"], said["refresh"])
