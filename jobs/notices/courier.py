"""A process that sends messages by Apprise: `python -m jobs.notices.courier NETWORK…`.

It reads a line of JSON for each message and answers with one. Addresses are people's own, so it
has nothing of the service's: no settings, no database, little memory, and it connects to public
addresses and the networks that it is given, whatever a name resolves to and an answer redirects
to. Who runs it ends it when it takes too long.

Asked: `{"address", "id", "title", "paragraphs", "end"}`, or the address alone, which is then only
checked. Answered: `{"ok", "channel", "service"}`, or `{"ok": false, "why"}`.
"""

from __future__ import annotations

import ipaddress
import json
import resource
import sys
from collections.abc import Sequence
from typing import Any

MEMORY_BYTES = 1024 * 1024 * 1024
# What an address may say after its `?`. Others name files of this machine, or change how it is
# sent: for how long, checked by which certificates, to where an answer redirects.
PARAMETERS = frozenset(
    (
        "auth", "channel", "from", "group", "id", "mode", "preview", "priority", "region", "route",
        "routeid", "sig", "signature", "silent", "sound", "tags", "team", "thread", "threadkey",
        "to", "token", "topic", "user", "ver", "workflow", "workspace",
    )
)  # fmt: skip
UNICAST = ipaddress.ip_network("2000::/3")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PINGS = str.maketrans({"<": "‹", ">": "›", "@": "＠"})  # they look alike and ping nobody


class Refused(Exception):
    """An address, or a connection, that is not to be used; the message says why."""


def guard_connections(networks: Sequence[str]) -> None:
    """Let this process connect to public addresses and these networks only, from now on."""
    allowed = [ipaddress.ip_network(one) for one in networks]

    def check(event: str, args: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto"}:
            check_address(args[1], allowed)

    sys.addaudithook(check)


def check_address(address: Any, allowed: Sequence[Network]) -> None:
    """Raise Refused for a socket's address that is neither public nor in an allowed network."""
    if not isinstance(address, tuple):
        raise Refused("Only addresses of the internet can be connected to.")
    host = ipaddress.ip_address(str(address[0]).partition("%")[0])
    host = getattr(host, "ipv4_mapped", None) or host
    if not _is_public(host) and not any(host in network for network in allowed):
        raise Refused(f"{host} is not a public address, nor in REPRISE_NOTICE_NETWORKS.")


def _is_public(host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether a host is a single one of the internet.

    Of IPv6 what may lead to an inner IPv4 address is not: 6to4, NAT64 and the compatible ones.
    """
    if isinstance(host, ipaddress.IPv6Address) and (host not in UNICAST or host.sixtofour):
        return False
    return host.is_global and not host.is_multicast


def open_service(address: str) -> tuple[str, Any]:
    """Return the channel and Apprise's object of an address. Raises Refused."""
    import apprise

    parsed = apprise.plugins.url_to_dict(address)  # type: ignore[no-untyped-call]
    if not parsed:
        raise Refused("This is no address that Apprise knows, or a part of it is missing.")
    named = (key for key in parsed.get("qsd", {}) if not key.startswith("+"))
    if unknown := sorted(set(named) - PARAMETERS):
        raise Refused(f"The address may not say {unknown[0][:40]!r} here.")
    asset = apprise.AppriseAsset(
        app_id="Reprise", app_desc="Reprise", async_mode=False, storage_mode="memory",
        image_url_mask="", image_url_logo="",
    )  # fmt: skip
    channel = str(parsed["schema"])
    service = apprise.Apprise.instantiate(dict(parsed), asset=asset)
    if service is None:
        raise Refused("This is no address that Apprise can use: a part of it is missing or wrong.")
    service.redirects = False
    return channel, service


def answer_request(asked: dict[str, Any]) -> dict[str, Any]:
    """Check an address or send a message; return what became of it."""
    try:
        channel, service = open_service(str(asked["address"]))
        if "paragraphs" in asked and not _send(service, asked):
            return {"ok": False, "why": f"{service.service_name} did not take it."}
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises is an answer
        return {"ok": False, "why": str(error) if isinstance(error, Refused) else repr(error)[:300]}
    return {"ok": True, "channel": channel, "service": str(service.service_name)}


def _send(service: Any, asked: dict[str, Any]) -> bool:
    headers = getattr(service, "headers", None)
    if isinstance(headers, dict):  # of the general ones: JSON, form, XML
        headers["Idempotency-Key"] = asked["id"]
    body = fit_body(asked["paragraphs"], asked["end"], service.body_maxlen or 1000)
    title = asked["title"].translate(PINGS) if service.title_maxlen else ""
    return bool(service.notify(body=body.translate(PINGS), title=title, body_format="text"))


def fit_body(paragraphs: Sequence[str], end: str, longest: int) -> str:
    """Return as many paragraphs as fit, with how many more there are, before what ends them."""
    size = longest - len(end.encode()) - 40
    shown = list[str]()
    for paragraph in paragraphs:
        size -= len(paragraph.encode()) + 2
        if size < 0:
            break
        shown.append(paragraph)
    more = len(paragraphs) - len(shown)
    return "\n\n".join([*shown, *([f"and {more:,} more"] if more else []), end])


def main() -> None:
    """Answer requests until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    guard_connections(sys.argv[1:])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer_request(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
