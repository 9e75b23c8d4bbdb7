"""Which token a request or a socket brings, and how one is kept."""

from __future__ import annotations

import hashlib

import pytest
from django.http import HttpRequest

from jobs.access import tokens
from jobs.access.visibility import bearer_token


@pytest.mark.parametrize(
    ("header", "raw"),
    [
        ("Bearer rp_abc", "rp_abc"),
        ("bearer rp_abc", "rp_abc"),
        ("BEARER  rp_abc ", "rp_abc"),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Bearer \xe9\x00", "\xe9\x00"),
        ("Basic dXNlcjpwdw==", None),
        ("rp_abc", None),
        ("", None),
    ],
)
def test_it_finds_the_token_of_a_request_and_of_a_socket(header: str, raw: str | None) -> None:
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = header
    scope = {"headers": [(b"host", b"x"), (b"authorization", header.encode("latin-1"))]}

    assert bearer_token(request) == raw
    assert bearer_token(scope) == raw


def test_a_scope_without_the_header_brings_no_token() -> None:
    assert bearer_token({"headers": []}) is None
    assert bearer_token(HttpRequest()) is None


def test_a_token_is_kept_as_its_sha256() -> None:
    assert tokens.hash_of("rp_abc") == hashlib.sha256(b"rp_abc").hexdigest()


@pytest.mark.parametrize("raw", ["", "\ud800", "\x00", "x" * 100_000])
def test_any_text_has_a_hash(raw: str) -> None:
    assert len(tokens.hash_of(raw)) == 64
