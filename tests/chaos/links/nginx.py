"""nginx with the project's own configuration before a web server, as its documentation says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ops.errors import CannotStart
from ops.setup.clone import ROOT
from ops.suites.debian import SBIN

SHIPPED = ROOT / "ops" / "nginx"
CONFIGURATION = SHIPPED / "reprise.conf"
KEPT_IN = "/var/cache/nginx"
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    log_format lines escape=json '{{"status":$status,"method":"$request_method",'
        '"uri":"$request_uri","upgrade":"$http_upgrade"}}';
    access_log {folder}/access.log lines;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {configuration};
    include {folder}/reprise-*.conf;
}}
"""


def prepare(folder: Path, listen: str, upstream: str, patience: int = 60) -> list[str]:
    """Write the configuration into a folder; return the command that runs it. CannotStart.

    `listen` and `upstream` are addresses with their ports; `patience` is how many seconds the
    service, or a client, may take or give nothing.
    """
    folder.chmod(0o711)  # its worker is another user where we are root
    own = folder / "reprise"
    own.mkdir()
    (own / "upstream.conf").write_text(f"server {upstream};\n")
    seconds = ("proxy_read_timeout", "proxy_send_timeout", "send_timeout")
    lines = [f"listen {listen};", *(f"{name} {patience}s;" for name in seconds)]
    (own / "server.conf").write_text("\n".join([*lines, ""]))
    main = folder / "nginx.conf"
    main.write_text(MAIN.format(folder=folder, configuration=CONFIGURATION))
    return [binary(), "-e", str(folder / "error.log"), "-c", str(main)]


def keep_pages(folder: Path) -> None:
    """Have the nginx that is prepared in a folder keep pages of history, there."""
    pages, kept = SHIPPED / "pages", folder / "kept"
    kept.mkdir()
    kept.chmod(0o777)  # its worker is another user where we are root
    shutil.copy(pages / "pages.conf", folder / "reprise")
    text = (pages / "reprise-pages.conf").read_text()
    (folder / "reprise-pages.conf").write_text(text.replace(KEPT_IN, str(kept)))


def binary() -> str:
    """Return where nginx is. CannotStart, saying what to install, where it is not."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")
    if found is None:
        raise CannotStart("nginx is missing: apt-get install nginx")
    return found
