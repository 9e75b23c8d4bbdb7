"""Django's ASGI handler, and what it answers before there is a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse

from core import problems
from core.errors import BadRequest


class Handler(ASGIHandler):
    """Answers 400, as a problem, a request whose address or headers Django cannot read.

    No middleware sees such an answer. Django makes an empty page of some of them, and lets the
    error of others (`Content-Type: a/b; c*=nonsense''%41`) through to the server, which says 500.
    """

    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponse]:
        """Return the request, or the answer in place of it."""
        try:
            request, _refused = super().create_request(scope, body_file)
        except ValueError:
            request = None
        if request is not None:
            return request, None
        return None, problems.response(BadRequest("The address or a header cannot be read."))
