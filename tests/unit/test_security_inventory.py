"""docs/reference/security-inventory.md has every key, use of cryptography, table and connection."""

from __future__ import annotations

import re
from pathlib import Path

import django
from django.apps import apps
from django.conf import global_settings, settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User

from core.config import SECRET
from jobs.secrets import keys

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "reference" / "security-inventory.md").read_text()
PACKAGES = ("core", "jobs", "streams", "frontend")
CRYPTOGRAPHY = re.compile(
    r"^(?:from|import) (?:hashlib|hmac|cryptography|jwt|django\.core\.signing)\b"
    r"|salted_hmac|set_signed_cookie|from django\.core import .*signing",
    re.MULTILINE,
)
# Ways to open a connection to somewhere else.
CONNECTS = re.compile(
    r"httpx\.|hvac\.Client|asyncssh\.connect|psycopg\.connect|create_connection\(|urlopen|open_connection"
)

SIGNS_IN = re.compile(r"perform_login\(|auth\.login\(|OAuth2CallbackView|\(.*AuthenticateView\)")


def sources() -> dict[str, str]:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return {
        str(file.relative_to(ROOT)): file.read_text()
        for file in files
        if not {"node_modules", "migrations"} & set(file.parts)
    }


def test_every_use_of_cryptography_is_in_the_inventory() -> None:
    users = {name for name, text in sources().items() if CRYPTOGRAPHY.search(text)}
    assert {name for name in users if name not in PAGE} == set()


def test_every_key_is_in_the_inventory() -> None:
    files = re.findall(r'in_state\("(\w*key\w*)"\)|/ "(\w*key\w*)"', sources()["core/config.py"])
    names = {name for pair in files for name in pair if name}
    assert names == {"seal_key", "secret_keys", "secret_key"}
    given = {
        "DATABASE_URL", "REDIS_URL", "REPRISE_WEBHOOK_SECRET", "REPRISE_SECRET_KEY",
        "REPRISE_SECRET_STORES", "REPRISE_OIDC_CLIENT_SECRET", "REPRISE_MAIL_URL",
        "REPRISE_SENTRY_DSN",
    }  # fmt: skip
    assert len(SECRET) == len(given) + 1  # the webhook's address may have a password, too
    assert {name for name in names | given if f"`{name}`" not in PAGE} == set()


def test_keys_are_long_enough() -> None:
    assert keys.KEY_BYTES * 8 == 256
    assert len(settings.SECRET_KEY) >= 32


def test_passwords_are_hashed_slowly() -> None:
    assert "PASSWORD_HASHERS" not in sources()["core/settings.py"]  # Django's, which it raises
    assert global_settings.PASSWORD_HASHERS[0].endswith(".PBKDF2PasswordHasher")
    assert PBKDF2PasswordHasher.iterations >= 600_000, django.__version__
    assert PBKDF2PasswordHasher.digest().name == "sha256"


def test_every_table_is_classified() -> None:
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models} | {"jobs_event", "jobs_feed"}
    own = {table for table in tables if not table.startswith("procrastinate_")}
    assert {table for table in own if f"`{table}`" not in PAGE} == set()


def test_every_address_that_is_connected_to_is_of_the_operator() -> None:
    connecting = {name for name, text in sources().items() if CONNECTS.search(text)}
    library = {name for name in connecting if name.startswith("streams/client/")}
    assert connecting - library == {
        "core/db.py",  # Postgres: DATABASE_URL
        "jobs/log/months.py",  # as its owner: REPRISE_SUPERUSER_DATABASE_URL
        "jobs/backup/database.py",  # the same, and what is restored on this machine
        "jobs/transports/ssh/connection.py",  # targets
        "jobs/feed/webhooks.py",  # REPRISE_WEBHOOK_URL
        "jobs/access/sso/provider.py",  # REPRISE_OIDC_ISSUER, and what it names
        "jobs/doctor/address.py",  # REPRISE_PUBLIC_URL
        "jobs/secrets/stores/hashicorp.py",  # REPRISE_SECRET_STORES
        *(connecting & {"core/settings.py"}),  # the names of loggers
    }


def test_every_way_in_is_in_the_inventory() -> None:
    assert settings.AUTHENTICATION_BACKENDS == ["django.contrib.auth.backends.ModelBackend"]
    signing_in = {name for name, text in sources().items() if SIGNS_IN.search(text)}
    assert signing_in == {
        "frontend/views/sign_in.py", "frontend/views/provider_pages.py",
        "frontend/views/second_factor.py",
    }  # fmt: skip
    ways = PAGE.partition("## Ways in")[2].partition("\n## ")[0]
    names = {"totp": "app", "webauthn": "passkey", "recovery_codes": "recovery code"}
    assert set(settings.MFA_SUPPORTED_TYPES) == names.keys()
    words = {*names.values(), "/sign-in", "/sign-in/provider", "/sign-in/code", "token", "ticket"}
    assert {word for word in words if word not in ways} == set()


def test_accounts_have_neither_an_expiry_nor_a_question() -> None:
    names = {field.name for field in User._meta.get_fields()}
    assert not [name for name in names if re.search("expire|question|hint|answer", name)]


def test_every_log_is_in_the_inventory() -> None:
    assert re.findall(r'"handlers": (\{.*\}\}),', sources()["core/settings.py"]) == [
        '{"stderr": {"class": "logging.StreamHandler", "formatter": REPRISE.log_format}}'
    ]
    files = {name for name, text in sources().items() if "logging.FileHandler" in text}
    assert files == set()


def test_pages_store_little() -> None:
    stored = set[str]()
    for file in (ROOT / "frontend" / "src").rglob("*.ts"):
        text = file.read_text()
        stored |= set(re.findall(r"keep\(\s*'(?:local|session)Storage',\s*([^,]+),", text))
        stored |= set(re.findall(r"\.setItem\(\s*([^,]+),", text)) - {"key"}  # `keep` itself
    # How far a job was seen, the height of an output, how the log is shown, which transport works,
    # what was typed when the session ended, without secrets; which runs to tell of; kept filters.
    assert stored == {
        "storageKey(job)", "'reprise:output-height'", "`reprise:${what}`", "TRANSPORT_KEY",
        "'reprise:new-job'", "storageKey(this.job)", "`reprise:filters:${this.page}`",
    }  # fmt: skip
