"""Outside stores: a real OpenBao, which speaks Vault's API, and real programs that print values."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from core.config import Config, UnusableSettings
from core.secret_stores import CommandStore, VaultStore
from jobs.secrets import stores
from jobs.secrets.stores.errors import NotInStore, StoreRefused, StoreUnreachable
from ops.setup.clone import CERTIFICATES
from tests.acceptance.process_search import with_environment
from tests.support.openbao import OpenBao, openbao
from tests.support.waiting import until

POLICY = """
path "secret/data/web*" { capabilities = ["read"] }
path "kv1/web*" { capabilities = ["read"] }
"""
VALUE = "s3cret of the store"


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with openbao(tmp_path_factory.mktemp("openbao")) as server:
        server.root.sys.create_or_update_policy("reader", POLICY)
        server.root.sys.enable_auth_method("approle")
        server.put("web/db", value=VALUE, password="another secret", port="5432")
        server.put("web/db", 1, value="a secret of version 1")
        server.put("payroll", value="nobody's business")
        yield server


@contextmanager
def stored(*, cache: float = 0.0, **known: VaultStore | CommandStore) -> Iterator[None]:
    """Have these stores, each new."""
    stores._engines.clear()
    stores._cached.clear()
    config = settings.REPRISE.with_changes(secret_stores=known, secret_cache_seconds=cache)
    with override_settings(REPRISE=config):
        yield


def vault(bao: OpenBao, **how: Any) -> VaultStore:
    return VaultStore(engine="vault", url=bao.url, **how)


def by_token(bao: OpenBao, folder: Path, **how: Any) -> VaultStore:
    file = folder / "token"
    made = bao.root.auth.token.create(policies=["reader"], ttl="1h")
    file.write_text(made["auth"]["client_token"] + "\n")
    return vault(bao, token_file=file, **how)


def by_role(bao: OpenBao, folder: Path, **limits: Any) -> VaultStore:
    """Return a store that signs in by a role of its own, whose tokens have these limits."""
    approle, name = bao.root.auth.approle, f"reprise-{folder.name}"
    approle.create_or_update_approle(name, token_policies=["reader"], **limits)
    file = folder / "secret_id"
    file.write_text(approle.generate_secret_id(name)["data"]["secret_id"])
    role = approle.read_role_id(name)["data"]["role_id"]
    return vault(bao, auth="approle", role_id=role, secret_id_file=file)


def program(folder: Path, script: str, **how: Any) -> CommandStore:
    file = folder / "store"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return CommandStore(engine="command", argv=(str(file),), **how)


def test_fields_of_both_versions_are_read(bao: OpenBao, tmp_path: Path) -> None:
    two, one = by_token(bao, tmp_path), by_token(bao, tmp_path, mount="kv1", version=1)
    with stored(two=two, one=one):
        assert stores.fetch_value("two", "web/db") == VALUE
        assert stores.fetch_value("two", "web/db#password") == "another secret"
        assert stores.fetch_value("one", "web/db#value") == "a secret of version 1"


def test_what_is_not_to_be_had_is_said_without_the_stores_words(
    bao: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "root-token-of-a-test")  # hvac would take it
    wrong = vault(bao, token_file=tmp_path / "wrong")
    (tmp_path / "wrong").write_text("no-such-token")
    missing = vault(bao, token_file=tmp_path / "missing")
    away = VaultStore(engine="vault", url="http://127.0.0.1:9", token_file=tmp_path / "wrong")
    with stored(vault=by_token(bao, tmp_path), wrong=wrong, missing=missing, away=away):
        for store, reference, error, words in (
            ("vault", "web/none", NotInStore, "The store vault has nothing at web/none."),
            ("vault", "web/db#none", NotInStore, "web/db in the store vault has no text 'none'."),
            ("vault", "payroll", StoreRefused, "The store vault refused payroll to this worker."),
            ("vault", "web/../payroll", StoreRefused, "The store vault is not asked for such a"
             " reference."),
            ("wrong", "web/db", StoreRefused, "The store wrong refused web/db to this worker."),
            ("missing", "web/db", StoreRefused, f"The store missing: {tmp_path}/missing cannot be"
             " read (FileNotFoundError)."),
            ("away", "web/db", StoreUnreachable, "The store away cannot be reached"
             " (ConnectionError)."),
            ("none", "web/db", NotInStore, "There is no store none on this machine"
             " (REPRISE_SECRET_STORES)."),
        ):  # fmt: skip
            with pytest.raises(error) as raised:
                stores.fetch_value(store, reference)
            assert raised.value.__cause__ is None
            assert raised.value.message == words


def test_a_role_signs_in_renews_its_token_and_signs_in_again(bao: OpenBao, tmp_path: Path) -> None:
    store = by_role(bao, tmp_path, token_ttl="1h", token_max_ttl="2h")
    with stored(vault=store):
        assert stores.fetch_value("vault", "web/db") == VALUE
        engine: Any = stores._engines["vault"][1]
        first = engine._client.token
        before = bao.root.auth.token.lookup(first)["data"]
        engine._renew_at = 0.0  # as if two thirds of its hour were over
        assert stores.fetch_value("vault", "web/db") == VALUE
        assert engine._client.token == first
        assert "last_renewal" not in before
        assert "last_renewal" in bao.root.auth.token.lookup(first)["data"]
        bao.root.auth.token.revoke(first)
        assert stores.fetch_value("vault", "web/db") == VALUE
        assert engine._client.token != first
        bao.root.auth.token.revoke(engine._client.token)
        engine._renew_at = 0.0  # it cannot be renewed any more
        assert stores.fetch_value("vault", "web/db") == VALUE


def some_certificate() -> str:
    """Return one that is never used: the cluster here talks plain HTTP."""
    first, end, _ = CERTIFICATES.read_text().partition("-----END CERTIFICATE-----")
    return first[first.index("-----BEGIN") :] + end


class Kubernetes(BaseHTTPRequestHandler):
    """What OpenBao asks of a cluster: whose token that is."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = asked["spec"]["token"] == JWT
        user = {"username": "system:serviceaccount:jobs:reprise", "uid": "1", "groups": []}
        status = {"authenticated": known, **({"user": user} if known else {})}
        body = json.dumps({**asked, "status": status}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


# {"alg":"none"} . the claims of a service account, which the cluster alone judges
JWT = (
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzL3NlcnZpY2VhY2NvdW50Iiwia3ViZXJuZXRlcy5pby9zZXJ2"
    "aWNlYWNjb3VudC9uYW1lc3BhY2UiOiJqb2JzIiwia3ViZXJuZXRlcy5pby9zZXJ2aWNlYWNjb3VudC9zZXJ2aWNlLWFjY"
    "291bnQubmFtZSI6InJlcHJpc2UiLCJrdWJlcm5ldGVzLmlvL3NlcnZpY2VhY2NvdW50L3NlcnZpY2UtYWNjb3VudC51aW"
    "QiOiIxIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50OmpvYnM6cmVwcmlzZSJ9.c2lnbmF0dXJl"
)


def test_a_service_account_of_kubernetes_signs_in(bao: OpenBao, tmp_path: Path) -> None:
    cluster = ThreadingHTTPServer(("127.0.0.1", 0), Kubernetes)
    threading.Thread(target=cluster.serve_forever, daemon=True).start()
    try:
        bao.root.sys.enable_auth_method("kubernetes")
        auth = bao.root.auth.kubernetes
        auth.configure(
            f"http://127.0.0.1:{cluster.server_port}", token_reviewer_jwt=JWT,
            kubernetes_ca_cert=some_certificate(), disable_local_ca_jwt=True,
        )  # fmt: skip
        auth.create_role("reprise", ["reprise"], ["jobs"], policies=["reader"])
        (tmp_path / "jwt").write_text(JWT)
        account = vault(bao, auth="kubernetes", role="reprise", jwt_file=tmp_path / "jwt")
        with stored(vault=account):
            assert stores.fetch_value("vault", "web/db") == VALUE
    finally:
        cluster.shutdown()
        cluster.server_close()


def test_a_value_is_kept_for_a_moment_and_in_memory_only(bao: OpenBao, tmp_path: Path) -> None:
    bao.put("web/moving", value="the first value")
    with stored(cache=1000.0, vault=by_token(bao, tmp_path)):
        assert stores.fetch_value("vault", "web/moving") == "the first value"
        bao.put("web/moving", value="the second value")
        assert stores.fetch_value("vault", "web/moving") == "the first value"
        stores._cached.update({key: (old, 0.0) for key, (old, _) in stores._cached.items()})
        assert stores.fetch_value("vault", "web/moving") == "the second value"


def test_a_program_prints_a_value_and_gets_the_reference_alone(tmp_path: Path) -> None:
    argv = program(tmp_path, 'printf "<%s>" "$@"').argv
    named = CommandStore(engine="command", argv=(*argv, "--key={reference}", "-n"))
    with stored(plain=program(tmp_path, 'printf "<%s>" "$@"'), named=named):
        assert stores.fetch_value("plain", "web key") == "<web key>"
        assert stores.fetch_value("named", "web/key") == "<--key=web/key><-n>"
        for reference in ("--help", "-", "a\nb", "$(id)", "", "../../etc/passwd", "a/../b"):
            with pytest.raises(StoreRefused, match="is not asked for such a reference"):
                stores.fetch_value("plain", reference)


def test_a_program_gets_little_of_the_workers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("OP_ACCOUNT", "ours")
    with stored(env=program(tmp_path, "env", pass_env=("OP_ACCOUNT",))):
        said = stores.fetch_value("env", "x")
    assert "OP_ACCOUNT=ours" in said
    assert "secret" not in said
    assert "REPRISE" not in said


def test_a_program_that_fails_or_does_not_end_is_said_without_its_words(tmp_path: Path) -> None:
    slow = program(tmp_path, "")  # each has a file of its own
    scripts = {
        "fails": "echo secret >&2; echo secret; exit 3",
        "silent": "true",
        "hangs": f"MARK={tmp_path.name} sleep 1000 & wait",
        "floods": "yes secret",
        "latin": r"printf '\351'",
    }
    known: dict[str, Any] = {}
    for name, script in scripts.items():
        folder = tmp_path / name
        folder.mkdir()
        known[name] = program(folder, script, timeout_s=1.5 if name == "hangs" else 60)
    gone = CommandStore(engine="command", argv=(f"{slow.argv[0]}-gone",))
    with stored(**known, gone=gone):
        for name, error, words in (
            ("fails", StoreRefused, "The store fails ended with status 3: x."),
            ("silent", NotInStore, "The store silent printed nothing for x."),
            ("hangs", StoreUnreachable, "The store hangs took longer than 1.5 s."),
            ("floods", StoreRefused, "The store floods printed more than 65,536 bytes."),
            ("latin", StoreRefused, "The store latin did not print UTF-8."),
            ("gone", StoreUnreachable, "The store gone cannot be started (FileNotFoundError)."),
        ):
            with pytest.raises(error) as raised:
                stores.fetch_value(name, "x")
            assert raised.value.message == words
            assert raised.value.__cause__ is None
    until(lambda: not with_environment(MARK=tmp_path.name), "the end of what the program began")


def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for text, words in (
        ("{", "must be a JSON object of stores by name"),
        ('{"v": {"engine": "vault", "url": "https://v", "token": "hvs.secret"}}', "v.vault"),
        ('{"v": {"engine": "vault", "url": "https://me:secret@v"}}', "v.vault.url"),
        ('{"v": {"engine": "vault", "url": "https://v", "auth": "approle"}}', "needs role_id and"),
        ('{"v": {"engine": "command", "argv": []}}', "v.command.argv"),
    ):
        monkeypatch.setenv("REPRISE_SECRET_STORES", text)
        with pytest.raises(UnusableSettings) as raised:
            Config.from_env()
        assert words in str(raised.value)
        assert "secret@" not in str(raised.value)
        assert "hvs.secret" not in str(raised.value)
    monkeypatch.setenv(
        "REPRISE_SECRET_STORES",
        json.dumps({"pass": {"engine": "command", "argv": [sys.executable, "{reference}"]}}),
    )
    assert isinstance(Config.from_env().secret_stores["pass"], CommandStore)
