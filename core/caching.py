"""Answers that no cache may keep, and the static files that every cache may.

Nearly all that this service says depends on who asks and on when. A browser or a proxy that keeps a
redirect to the sign-in page, or a 404 from before a job was there, shows it to somebody signed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from wsgiref.headers import Headers

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

View = Callable[[HttpRequest], Any]  # what it returns is awaited, or not
# The build puts a hash of a file's bytes into its name.
_HASHED = re.compile(r"/static/assets/.+-[A-Za-z0-9_-]{8}\.\w+")


@sync_and_async_middleware
def never_stored(get_response: View) -> View:
    """Add `Cache-Control: no-store` to every answer that does not say how to keep it."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _marked(await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _marked(get_response(request))

    return answer


def keep_hashed_files(headers: Headers, _path: str, url: str) -> None:
    """Let caches keep a static file for a year if its name changes with its bytes.

    A hook of servestatic: its middleware (3.1) ignores SERVESTATIC_IMMUTABLE_FILE_TEST.
    """
    if _HASHED.fullmatch(url):
        headers["Cache-Control"] = "public, max-age=31536000, immutable"


def _marked(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Cache-Control", "no-store")
    return response
