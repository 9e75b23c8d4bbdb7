"""A provider that says what a test wants, also what none should: for attacks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings

from core.sign_in_settings import split_groups
from jobs.models import Team

CLIENT_ID, CLIENT_SECRET = "reprise", "s" * 40
KEY = generate_private_key(65537, 2048)
OTHER_KEY = generate_private_key(65537, 2048)
GROUPS = split_groups("ops=operator,ops=team:red,sec=auditor,admins=staff")


@dataclass
class FakeProvider:
    """What it says: the claims of everybody who signs in, and what is wrong with its answers."""

    issuer: str
    said_issuer: str = ""
    keys_at: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    user_info: dict[str, Any] = field(default_factory=dict)
    id_claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: Any = KEY
    nonce: str = ""
    renewal: tuple[int, dict[str, Any]] | None = None
    token_body: bytes | None = None
    refresh_token: bool = True

    def config(self, **more: Any) -> Any:
        """The settings of a service that signs in with it."""
        return settings.REPRISE.with_changes(
            **{
                "oidc_issuer": self.issuer, "oidc_client_id": CLIENT_ID,
                "oidc_client_secret": CLIENT_SECRET, "oidc_name": "Example ID",
                "oidc_groups": GROUPS, "oidc_check_seconds": 0.001, **more,
            }
        )  # fmt: skip

    def person(self, subject: str, *groups: str, **claims: Any) -> None:
        """Let this be who signs in from now on."""
        self.claims = {"sub": subject, "preferred_username": subject, "groups": groups, **claims}

    def id_token(self, **more: Any) -> str:
        """Return an ID token about who signs in, as wrong as the test wants it."""
        now = time.time()
        times = {"iat": now, "exp": now + 300}
        said = {"iss": self.issuer, "aud": CLIENT_ID, "nonce": self.nonce, **times, **self.claims}
        said = {**said, **self.id_claims, **more}
        said = {name: value for name, value in said.items() if value is not None}
        headers = {"kid": "one"}
        return jwt.encode(said, self.key, algorithm=self.algorithm, headers=headers)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        """Return the status and the body of an answer."""
        if path == "/.well-known/openid-configuration":
            names = ("authorization", "token", "userinfo", "end_session")
            found = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in names}
            issuer = self.said_issuer or self.issuer
            return 200, {"issuer": issuer, "jwks_uri": f"{self.issuer}/keys", **found}
        if path == "/keys" and self.keys_at:
            return 302, self.keys_at
        if path in {"/keys", "/elsewhere"}:
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
            return 200, {"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]}
        if path == "/userinfo":
            return 200, {**self.claims, **self.user_info}
        if form.get("grant_type") == "refresh_token" and self.renewal is not None:
            return self.renewal
        if self.token_body is not None:
            return 200, self.token_body
        tokens = {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token()}
        return 200, {**tokens, **({"refresh_token": "r"} if self.refresh_token else {})}


@contextmanager
def fake_provider(**options: Any) -> Iterator[FakeProvider]:
    """Run one in a thread, with the service's settings set to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            status, found = made.answer(urlsplit(self.path).path, form)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", found)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = FakeProvider(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with override_settings(REPRISE=made.config(**options)):
            yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def rights_of(name: str) -> tuple[list[str], list[str], bool]:
    """Return somebody's roles and teams, and whether they are staff."""
    user = User.objects.get(username=name)
    roles = sorted(user.groups.values_list("name", flat=True))
    teams = sorted(Team.objects.filter(members=user).values_list("slug", flat=True))
    return roles, teams, user.is_staff


def begin(browser: Client, path: str = "/sign-in/provider") -> dict[str, str]:
    """Begin to sign in; return the parameters that the provider is led to with."""
    answer = browser.get(path)
    assert answer.status_code == 302, answer.text
    return {name: one[0] for name, one in parse_qs(urlsplit(answer["Location"]).query).items()}


def come_back(browser: Client, provider: FakeProvider, path: str = "/sign-in/provider") -> Any:
    """Sign in as whom the provider says; return the answer to the callback."""
    led = begin(browser, path)
    provider.nonce = led["nonce"]
    return browser.get("/sign-in/provider/callback", {"code": "c", "state": led["state"]})
