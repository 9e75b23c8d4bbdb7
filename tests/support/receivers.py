"""Real receivers of notices: a mail server and an HTTP server, which can be away for a while."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.test import override_settings

from ops.embedded import ports


@dataclass
class Mailbox:
    """What a mail server took, with who it was for; `replies` are given in turn, then 250."""

    port: int = field(default_factory=ports.free)
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a message (aiosmtpd's interface)."""
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith("250"):
            read = message_from_bytes(envelope.original_content or b"", policy=policy.default)
            assert isinstance(read, EmailMessage)
            self.got.append((list(envelope.rcpt_tos), read))
        return reply

    @contextmanager
    def open(self) -> Iterator[None]:
        """Be there."""
        server = Controller(self, hostname="127.0.0.1", port=self.port)
        server.start()
        try:
            yield
        finally:
            server.stop()

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Have this installation send its mail here, whether it is open or not."""
        config = settings.REPRISE.with_changes(
            mail_url=f"smtp://127.0.0.1:{self.port}",
            mail_from="Reprise <reprise@example.org>",
            public_url="https://jobs.example.org",
        )
        with override_settings(REPRISE=config):
            yield

    def texts(self, address: str) -> list[str]:
        """Return the bodies of the mail to an address, in order."""
        return [str(mail.get_content()) for to, mail in self.got if address in to]


@dataclass
class Inbox:
    """What an HTTP server was sent; `answers` are given in turn, then 200."""

    port: int = field(default_factory=ports.free)
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What a subscription has of it."""
        return f"json://127.0.0.1:{self.port}/hook"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Be there."""
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = inbox.answers.pop(0) if inbox.answers else 200
                if answer == 200:
                    inbox.got.append((dict(self.headers), json.loads(body)))
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", self.port), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=[0.01])
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()
