"""/api/tokens: your own API tokens."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Status

from core.errors import Forbidden, NotFound
from jobs.access import tokens
from jobs.access.scopes import ADMIN
from jobs.access.visibility import Principal
from jobs.api.auth import principal_of
from jobs.api.fields import is_key
from jobs.api.paging import MAX_LIMIT, fit_page
from jobs.api.schemas import error_responses
from jobs.api.shapes import moment_json
from jobs.api.token_schemas import NewTokenOut, TokenOut, TokensOut, TokenWish
from jobs.log.types import MAX_SEQ
from jobs.models import ApiToken

router = Router(tags=["tokens"])

TokenId = Annotated[int, Query(ge=0, le=MAX_SEQ, description="Older than this token.")]


@router.get("", response={200: TokensOut, **error_responses()})
def list_tokens(request: HttpRequest, before: TokenId = MAX_SEQ) -> dict[str, Any]:
    """List your tokens, revoked ones too, newest first; a page has up to half a megabyte."""
    principal = principal_of(request)
    principal.scope.require(ADMIN)
    mine = _tokens_of(principal).filter(pk__lt=before)
    found = [_token_json(token) for token in mine.order_by("-pk")[: MAX_LIMIT + 1]]
    page, more = fit_page(found, MAX_LIMIT)
    return {"tokens": page, "next": page[-1]["id"] if more else None}


@router.post("", response={201: NewTokenOut, **error_responses(403, 422)})
def make_token(request: HttpRequest, wish: TokenWish) -> Status[dict[str, Any]]:
    """Make a token; its raw text is in this answer and nowhere else.

    Takes a session: a token that leaked must not be able to make itself a successor. Without
    `expires_at` it expires after `REPRISE_TOKEN_DAYS`.
    """
    principal = principal_of(request)
    if principal.token is not None:
        raise Forbidden("A token cannot make tokens: sign in.")
    token, raw = tokens.make_token(
        principal.user,
        wish.name,
        expires_at=wish.expires_at,
        endless=wish.expires_at is None and "expires_at" in wish.model_fields_set,
        scope_names=wish.scopes,
        kind=wish.kind or "",
        team=wish.team or "",
    )
    return Status(201, {**_token_json(token), "token": raw})


@router.delete("/{token_id}", response={200: TokenOut, **error_responses(404)})
def revoke_token(request: HttpRequest, token_id: str) -> dict[str, Any]:
    """Revoke one of your tokens, at once and for good; revoking it again changes nothing.

    A token may revoke itself, whatever its scopes.
    """
    principal = principal_of(request)
    if str(principal.token) != token_id:
        principal.scope.require(ADMIN)
    mine = _tokens_of(principal)
    chosen = mine.filter(pk=int(token_id)) if is_key(token_id) else mine.none()
    tokens.revoke_tokens(chosen)
    token = chosen.first()
    if token is None:
        raise NotFound
    return _token_json(token)


def _tokens_of(principal: Principal) -> QuerySet[ApiToken]:
    return ApiToken.objects.select_related("team").filter(user=principal.user)


def _token_json(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.pk,
        "name": token.name,
        "prefix": token.prefix,
        "scopes": token.scopes.split(),
        "kind": token.kind or None,
        "team": token.team.slug if token.team else None,
        "created_at": moment_json(token.created_at),
        "last_used_at": moment_json(token.last_used_at),
        "expires_at": moment_json(token.expires_at),
        "revoked_at": moment_json(token.revoked_at),
    }
