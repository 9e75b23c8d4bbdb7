"""What every process that keeps running does first."""

from __future__ import annotations

from django.conf import settings

from core.error_reports import start_reports
from core.log_context import name_process
from core.tracing import start_tracing
from jobs.secrets.logs import mask_text


def start_process(kind: str) -> None:
    """Say what this process is (`web`, `worker` …); send traces and errors where settings say."""
    name_process(kind)
    if endpoint := settings.REPRISE.otlp_endpoint:
        start_tracing(kind, endpoint)
    if dsn := settings.REPRISE.sentry_dsn:
        start_reports(kind, dsn, mask_text)
