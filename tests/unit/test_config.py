"""Settings: what cannot be used is named in one line, and nothing starts on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import sign_in_settings
from core.config import UnusableSettings
from core.config_values import database_settings
from jobs.access import roles
from tests.support.environment import settings_from

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("word", ["1", "true", "True", "yes", "on"])
def test_every_usual_word_for_yes_counts(word: str) -> None:
    assert settings_from({"REPRISE_SECURE_COOKIES": word}).secure_cookies


@pytest.mark.parametrize("word", ["0", "false", "no", "off", ""])
def test_every_usual_word_for_no_counts(word: str) -> None:
    assert not settings_from({"REPRISE_SECURE_COOKIES": word}).secure_cookies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REPRISE_SECURE_COOKIES", "certainly"),
        ("REPRISE_DEBUG", "2"),
        ("REPRISE_WORKER_RUNS", "0"),
        ("REPRISE_WORKER_RUNS", "2.5"),
        ("REPRISE_MAX_FOLLOWERS", "-1"),
        ("REPRISE_LEASE_SECONDS", "-3"),
        ("REPRISE_LEASE_SECONDS", "0"),
        ("REPRISE_DRAIN_SECONDS", "nan"),
        ("REPRISE_ROTATE_SECONDS", "inf"),
        ("REPRISE_SEAL_HOURS", "daily"),
        ("REPRISE_LIMITS", "command"),
        ("REPRISE_LIMITS", "command=-1"),
        ("REPRISE_APPROVALS", "command"),
        ("REPRISE_APPROVALS", "=start"),
        ("REPRISE_APPROVALS", "command=twice"),
        ("REPRISE_APPROVALS", "command=start+"),
        ("REPRISE_SEALS", "{not json"),
        ("REPRISE_TRUSTED_ORIGINS", "ops.example.org"),
        ("REPRISE_TRUSTED_PROXIES", "proxy.example.org"),
        ("REPRISE_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("REPRISE_WEBHOOK_SECRET", "whsec_hidden-and-not-base64"),
        ("REPRISE_WEBHOOK_SECRET", "whsec_"),
        ("REPRISE_REFUSED_PASSWORDS", "/no/such/file"),
        ("REPRISE_HSTS_SECONDS", "-1"),
        ("DATABASE_URL", "mysql://user:hidden@host/name"),
        ("DATABASE_URL", "postgresql://user:hidden@host:port/name"),
        ("DATABASE_URL", "postgresql://user:hidden@a:5432,b:port/name"),
        ("DATABASE_URL", "postgresql://user:hidden@host:70000/name"),
        ("DATABASE_URL", "postgresql://user:hidden@host/name?no_such_option=1"),
        ("REDIS_URL", "127.0.0.1:6379"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(UnusableSettings) as raised:
        settings_from({name: value})
    [line] = str(raised.value).splitlines()
    assert line.startswith(f"{name}: ")
    assert "hidden" not in line


def test_approvals_are_asked_for_by_kind_and_for_every_kind() -> None:
    text = "command=start+others, backup = start,*=others, backup=others"
    found = settings_from({"REPRISE_APPROVALS": text})
    assert found.approvals["command"] == {"start", "others"} == found.approvals["backup"]
    assert found.approval_rules("command") == {"start", "others"}
    assert found.approval_rules("load") == {"others"}
    assert settings_from({}).approval_rules("load") == frozenset()
    careful = settings_from({"REPRISE_FOUR_EYES": "1", "REPRISE_APPROVALS": "load=start"})
    assert careful.approval_rules("load") == {"start", "others"}
    assert careful.approval_rules("command") == {"others"}


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UnusableSettings) as raised:
        settings_from({"REPRISE_WORKER_RUNS": "0", "REPRISE_POLL_SECONDS": "-1"})
    assert len(str(raised.value).splitlines()) == 2


def test_a_misspelt_name_is_named_with_the_right_one() -> None:
    with pytest.raises(UnusableSettings, match="did you mean REPRISE_WORKER_RUNS"):
        settings_from({"REPRISE_WORKER_RUN": "8"})


def test_another_name_with_our_prefix_is_told_and_ignored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings_from({"REPRISE_FAVOURITE_COLOUR": "blue"})
    assert capsys.readouterr().err == (
        "REPRISE_FAVOURITE_COLOUR is not a setting of Reprise and is ignored.\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "worker"],
        ["manage.py", "sweeper"],
        ["-m", "streams.server", "core.asgi:application"],
        ["-m", "streams.server_uvicorn", "core.asgi:application"],
    ],
)
@pytest.mark.parametrize(
    ("name", "value"),
    [("REPRISE_WORKER_RUNS", "0"), ("REPRISE_DISPATCH", "jobs.queue.dispatch.carrier.Pigeon")],
)
def test_no_process_starts_on_what_cannot_be_used(
    tmp_path: Path, command: list[str], name: str, value: str
) -> None:
    env = {**os.environ, "REPRISE_STATE": str(tmp_path), name: value}
    ran = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode != 0
    assert name in ran.stderr
    assert "Traceback" not in ran.stderr


def test_proxies_are_addresses_and_networks() -> None:
    found = settings_from({"REPRISE_TRUSTED_PROXIES": "127.0.0.1, 10.1.0.0/16,::1"})
    assert list(map(str, found.trusted_proxies)) == ["127.0.0.1/32", "10.1.0.0/16", "::1/128"]


def test_settings_may_name_the_roles_that_there_are() -> None:
    assert set(sign_in_settings.ROLES) == roles.ROLES.keys()


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"REPRISE_OIDC_GROUPS": "ops=opretor"}, "REPRISE_OIDC_GROUPS: must look like"),
        ({"REPRISE_OIDC_GROUPS": "ops"}, "REPRISE_OIDC_GROUPS: must look like"),
        ({"REPRISE_OIDC_GROUPS": "ops=team:"}, "REPRISE_OIDC_GROUPS: must look like"),
        ({"REPRISE_OIDC_GROUPS": '{"ops": "operator"}'}, "a JSON object must look like"),
        ({"REPRISE_OIDC_GROUPS": "{nonsense"}, "or be a JSON object"),
        ({"REPRISE_OIDC_ISSUER": "http://id.example.org"}, "must start with https://"),
        ({"REPRISE_OIDC_ISSUER": "https://id.example.org"}, "REPRISE_OIDC_CLIENT_SECRET: single"),
        ({"REPRISE_LOCAL_SIGN_IN": "off"}, "nobody could sign in"),
        ({"REPRISE_MFA_REQUIRED": "everybody"}, "'everybody' is no role"),
    ],
)
def test_what_is_wrong_with_sign_ins_is_said(env: dict[str, str], line: str) -> None:
    with pytest.raises(UnusableSettings) as raised:
        settings_from(env)
    assert line in str(raised.value)


def test_groups_with_commas_are_a_json_object() -> None:
    given = '{"CN=ops,OU=eu": ["operator", "team:eu"]}'
    found = settings_from({"REPRISE_OIDC_GROUPS": given}).oidc_groups
    assert found == {"CN=ops,OU=eu": {"operator", "team:eu"}}


def test_a_database_address_may_say_all_that_libpq_knows() -> None:
    one = "postgresql://ann%40x:p%2Fw@db:6432/jobs"
    assert settings_from({"DATABASE_URL": one}).database_url == one
    assert database_settings(one) == {
        "ENGINE": "django.db.backends.postgresql", "NAME": "jobs", "USER": "ann@x",
        "PASSWORD": "p/w", "HOST": "db", "PORT": "6432",
    }  # fmt: skip
    found = database_settings("postgresql://u@/jobs?host=/run/postgresql&sslmode=require")
    assert (found["HOST"], found["OPTIONS"]) == ("/run/postgresql", {"sslmode": "require"})


def test_of_several_database_hosts_the_one_that_takes_writes_is_used() -> None:
    found = settings_from({"DATABASE_URL": "postgresql://u:p@a:5432,b:5433/jobs"}).database_url
    entry = database_settings(found)
    assert (entry["HOST"], entry["PORT"]) == ("a,b", "5432,5433")
    assert entry["OPTIONS"] == {"target_session_attrs": "read-write", "connect_timeout": "3"}
    wanted = "postgresql://u@a,b/jobs?connect_timeout=9&target_session_attrs=any"
    assert settings_from({"DATABASE_URL": wanted}).database_url == wanted


def test_files_set_what_no_variable_does(tmp_path: Path) -> None:
    key = "k" * 40
    (tmp_path / "REPRISE_SECRET_KEY").write_text("not read: a variable has it\n")
    (tmp_path / "DATABASE_URL").write_text("postgresql://app:word@db/reprise\n")
    (tmp_path / "REPRISE_SEAL_HOURS").write_text("12")
    (tmp_path / "tls.pem").write_text("no setting")
    found = settings_from({"REPRISE_SECRETS_DIR": str(tmp_path), "REPRISE_SECRET_KEY": key})
    assert found.database_url == "postgresql://app:word@db/reprise"
    assert (found.secret_key, found.seal_hours) == (key, 12)
    with pytest.raises(UnusableSettings, match=r"REPRISE_SECRETS_DIR: .* is not a folder"):
        settings_from({"REPRISE_SECRETS_DIR": str(tmp_path / "nowhere")})
    (tmp_path / "DATABASE_URL").write_text("mysql://db")
    with pytest.raises(UnusableSettings, match="DATABASE_URL: must start with postgresql://"):
        settings_from({"REPRISE_SECRETS_DIR": str(tmp_path)})
