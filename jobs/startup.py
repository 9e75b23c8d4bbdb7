"""What every process that keeps running does first."""

from __future__ import annotations

from django.conf import settings

from core.log_context import name_process
from core.tracing import start_tracing


def start_process(kind: str) -> None:
    """Say what this process is (`web`, `worker` …), and send traces where the settings say."""
    name_process(kind)
    if endpoint := settings.REPRISE.otlp_endpoint:
        start_tracing(kind, endpoint)
