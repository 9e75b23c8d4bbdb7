"""/api/tokens: your own API tokens."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from core.errors import Forbidden, NotFound
from jobs.access import tokens
from jobs.api.auth import principal_of
from jobs.api.fields import is_key
from jobs.api.schemas import NewTokenOut, TokenOut, TokensOut, TokenWish, error_responses
from jobs.api.shapes import moment_json
from jobs.models import ApiToken

router = Router(tags=["tokens"])


@router.get("", response={200: TokensOut, **error_responses()})
def list_tokens(request: HttpRequest) -> dict[str, Any]:
    """List your tokens, revoked ones too, newest first."""
    mine = ApiToken.objects.filter(user=principal_of(request).user).order_by("-pk")
    return {"tokens": [_token_json(token) for token in mine]}


@router.post("", response={201: NewTokenOut, **error_responses(403, 422)})
def make_token(request: HttpRequest, wish: TokenWish) -> Status[dict[str, Any]]:
    """Make a token; its raw text is in this answer and nowhere else.

    Takes a session: a token that leaked must not be able to make itself a successor.
    """
    principal = principal_of(request)
    if principal.token is not None:
        raise Forbidden("A token cannot make tokens: sign in.")
    token, raw = tokens.make_token(principal.user, wish.name, expires_at=wish.expires_at)
    return Status(201, {**_token_json(token), "token": raw})


@router.delete("/{token_id}", response={200: TokenOut, **error_responses(404)})
def revoke_token(request: HttpRequest, token_id: str) -> dict[str, Any]:
    """Revoke one of your tokens, at once and for good; revoking it again changes nothing."""
    mine = ApiToken.objects.filter(user=principal_of(request).user)
    chosen = mine.filter(pk=int(token_id)) if is_key(token_id) else mine.none()
    tokens.revoke_tokens(chosen)
    token = chosen.first()
    if token is None:
        raise NotFound
    return _token_json(token)


def _token_json(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.pk,
        "name": token.name,
        "prefix": token.prefix,
        "created_at": moment_json(token.created_at),
        "last_used_at": moment_json(token.last_used_at),
        "expires_at": moment_json(token.expires_at),
        "revoked_at": moment_json(token.revoked_at),
    }
