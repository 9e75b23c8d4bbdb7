"""Encoders that programs use, each called as it comes: what a secret may look like in output."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from urllib.parse import quote, quote_plus, unquote_plus, urlencode

from ops.setup.clone import Clone
from ops.setup.frontend import find_node

Encode = Callable[[str], str]


def _piped(*command: str) -> Encode:
    def encode(text: str) -> str:
        assert shutil.which(command[0]), f"{command[0]} is missing: ops/test installs it"
        return subprocess.run(
            command, input=text.encode(), capture_output=True, check=True
        ).stdout.decode()

    return encode


def _javascript(expression: str) -> Encode:
    node = str(find_node(Clone.from_env()).folder / "node")
    read = 'const text = require("fs").readFileSync(0, "utf8");'
    return _piped(node, "-e", f"{read} process.stdout.write({expression})")


def _go(text: str) -> str:
    """Encode as Go's encoding/json documents: <, >, &, U+2028 and U+2029 are escaped too."""
    reported = json.dumps(text, ensure_ascii=False)
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", reported)


def _upper(encode: Encode, digits: str) -> Encode:
    """Return an encoder with its hexadecimal digits in the other case."""

    def shift(text: str) -> str:
        return re.sub(digits, lambda found: found[1] + found[2].swapcase(), encode(text))

    return shift


PYTHON: dict[str, Encode] = {
    "as it is": str,
    "json.dumps": json.dumps,
    "json.dumps, upper": _upper(json.dumps, r"(\\u)([0-9a-f]{4})"),
    "json.dumps, UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "json in json in json": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "Go's encoding/json": _go,
    "Go's encoding/json, upper": _upper(_go, r"(\\u)([0-9a-f]{4})"),
    "Go in json": lambda text: json.dumps(_go(text)),
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda text: repr(text.encode()),
    "quote": quote,
    "quote, lower": _upper(quote, r"(%)([0-9A-F]{2})"),
    "quote everything": lambda text: quote(text, safe=""),
    "quote twice": lambda text: quote(quote(text)),
    "quote_plus": quote_plus,
    "urlencode": lambda text: urlencode({"password": text}),
    "quote, but for some": lambda text: quote(text, safe="/:@'&=+$, "),
    "html.escape": html.escape,
    "html.escape, no quotes": lambda text: html.escape(text, quote=False),
    "decimal references": lambda text: re.sub(r"\W", lambda c: f"&#{ord(c[0])};", text),
    "padded references": lambda text: re.sub(r"\W", lambda c: f"&#{ord(c[0]):04};", text),
    "hexadecimal references": lambda text: re.sub(r"\W", lambda c: f"&#x{ord(c[0]):X};", text),
    "html of json": lambda text: html.escape(json.dumps(text)),
    "json of html": lambda text: json.dumps(html.escape(text)),
    "shlex.quote": shlex.quote,
    "json of shlex.quote": lambda text: json.dumps(shlex.quote(text)),
    "YAML's quotes": lambda text: "'" + text.replace("'", "''") + "'",
    "hex": lambda text: text.encode().hex(),
    "hex, upper": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex by two": lambda text: text.encode().hex(" ", 2),
    "hex in a list": lambda text: ", ".join(f"0x{byte:02x}" for byte in text.encode()),
}
TOOLS: dict[str, Encode] = {
    "base64": _piped("base64"),
    "base64 -w 5": _piped("base64", "-w", "5"),
    "base64 -w 64": _piped("base64", "-w", "64"),
    "base64 -w 0": _piped("base64", "-w", "0"),
    "base64 in json": lambda text: json.dumps(_piped("base64", "-w", "7")(text)),
    "base64 in a URL": lambda text: quote(_piped("base64", "-w", "0")(text), safe=""),
    "basenc --base64url": _piped("basenc", "--base64url"),
    "openssl enc": _piped("openssl", "enc", "-base64"),
    "base32": _piped("base32"),
    "base32 -w 7": _piped("base32", "-w", "7"),
    "xxd": _piped("xxd"),
    "xxd -u -g 1": _piped("xxd", "-u", "-g", "1"),
    "xxd -c 5": _piped("xxd", "-c", "5"),
    "xxd -p": _piped("xxd", "-p"),
    "xxd -p -c 3": _piped("xxd", "-p", "-c", "3"),
    "xxd -i": _piped("xxd", "-i"),
    "hexdump -C": _piped("hexdump", "-v", "-C"),
    "od -t x1": _piped("od", "-v", "-t", "x1"),
    "od -A n -t x1": _piped("od", "-v", "-A", "n", "-t", "x1"),
    "od -t x1z": _piped("od", "-v", "-A", "x", "-t", "x1z"),
    "od -c": _piped("od", "-v", "-c"),
    "od -A n -c": _piped("od", "-v", "-A", "n", "-c"),
    "jq @json": _piped("jq", "-R", "-s", "-r", "@json"),
    "jq @json in json": _piped("jq", "-R", "-s", "-a", "@json"),
    "jq -a": _piped("jq", "-R", "-s", "-a", "."),
    "jq @uri": _piped("jq", "-R", "-s", "-r", "@uri"),
    "jq @html": _piped("jq", "-R", "-s", "-r", "@html"),
    "jq @sh": _piped("jq", "-R", "-s", "-r", "@sh"),
    "jq @csv": _piped("jq", "-R", "-s", "-r", "[.] | @csv"),
    "jq @tsv": _piped("jq", "-R", "-s", "-r", "[.] | @tsv"),
    "jq @base64": _piped("jq", "-R", "-s", "-r", "@base64"),
    "escape": _javascript("escape(text)"),
    "encodeURI": _javascript("encodeURI(text)"),
    "encodeURIComponent": _javascript("encodeURIComponent(text)"),
    "JSON.stringify": _javascript("JSON.stringify(text)"),
    "util.inspect": _javascript('require("util").inspect(text)'),
    "printf %q": _piped("bash", "-c", 'printf %q "$(cat; echo .)"'),
    "printf %q in C": _piped("env", "LC_ALL=C", "bash", "-c", 'printf %q "$(cat; echo .)"'),
    "bash ${@Q}": _piped("bash", "-c", 'text="$(cat; echo .)"; printf %s "${text@Q}"'),
    "declare -p": _piped("bash", "-c", 'text="$(cat; echo .)"; declare -p text'),
    "set -x": _piped("bash", "-c", 'exec 2>&1; text="$(cat; echo .)"; set -x; : "$text"'),
    "python": _piped(sys.executable, "-X", "utf8", "-c", "import sys; print([sys.stdin.read()])"),
}
ENCODERS = PYTHON | TOOLS


def leaks(secret: str, left: str) -> list[str]:
    """Return what can be read of a secret, four characters or more, by decoding what is left."""
    read = [left, *_read_escapes(left), *_read_runs(left)]
    pieces = {secret[at : at + 4] for at in range(len(secret) - 3)}
    return [piece for piece in pieces if any(piece in each for each in read)]


def _read_escapes(text: str) -> list[str]:
    backslashes = re.sub(
        r"\\u([0-9a-fA-F]{4})|\\(.)",
        lambda found: chr(int(found[1], 16)) if found[1] else found[2],
        text,
    )
    return [unescape(text), unquote_plus(text), unquote_plus(text, "latin-1"), backslashes]


def _read_runs(text: str) -> list[str]:
    run = re.sub(r"[^A-Za-z0-9+/]", "", text.replace("-", "+").replace("_", "/"))
    bases = [base64.b64decode(run[at:] + "A" * (-len(run[at:]) % 4)) for at in range(4)]
    digits = re.sub(r"[^0-9a-fA-F]", "", text)
    codes = [bytes.fromhex(digits[at:] + "0" * (len(digits[at:]) % 2)) for at in range(2)]
    return [raw.decode(errors="replace") for raw in bases + codes]
