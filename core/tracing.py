"""Traces by OpenTelemetry, where REPRISE_OTLP_ENDPOINT is set: else nothing is made or loaded.

A span is the child of the one that it is made in, else of the caller's (`traceparent`). What stands
in its attributes is names, numbers and outcomes: no parameters, output or messages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING

from core.version import running_version

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

# https://www.w3.org/TR/trace-context/#traceparent-header-field-values
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
TIMEOUT_SECONDS = 3  # for each export, so that a process ends where nobody takes its spans
MISSING = "REPRISE_OTLP_ENDPOINT needs OpenTelemetry's SDK: install reprise[watch]."
FAILED = "failed"
PRODUCER, CONSUMER, INTERNAL = "PRODUCER", "CONSUMER", "INTERNAL"

Attribute = str | int | float | None

_tracer: Tracer | None = None
_caller: ContextVar[str] = ContextVar("core.tracing.caller", default="")


class Span:
    """What is under way; this one stands for none, where nothing is traced."""

    traceparent = ""

    @property
    def environment(self) -> dict[str, str]:
        """What a command gets, so that its own spans are this one's children."""
        return {"TRACEPARENT": self.traceparent} if self.traceparent else {}

    def note(self, **attributes: Attribute) -> None:
        """Add attributes, each called `reprise.` and its name; None is left out.

        With the outcome FAILED the span counts as an error.
        """


class _Recorded(Span):
    def __init__(self, span: OtelSpan) -> None:
        self._span = span
        self.traceparent = _as_traceparent(span)

    def note(self, **attributes: Attribute) -> None:
        found = {f"reprise.{name}": v for name, v in attributes.items() if v is not None}
        self._span.set_attributes(found)
        if attributes.get("outcome") == FAILED:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR)


_NONE = nullcontext(Span())


def parse_traceparent(header: str) -> str:
    """Return a `traceparent` in the form that is known here; "" if it is not one."""
    found = _TRACEPARENT.fullmatch(header)
    return f"00-{found[1]}-{found[2]}-{found[3]}" if found else ""


def set_caller(traceparent: str) -> None:
    """Have what follows in this task belong to a caller's trace."""
    _caller.set(traceparent)


def current_traceparent() -> str:
    """Return the `traceparent` of the span that is under way, else the caller's, else ""."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        span = get_current_span()
        if span.get_span_context().is_valid:
            return _as_traceparent(span)
    return _caller.get()


def is_on() -> bool:
    """Return whether this process makes spans."""
    return _tracer is not None


def start_tracing(process: str, endpoint: str) -> None:
    """Send spans to a collector from here on, by OTLP over HTTP; SystemExit without the SDK.

    The standard variables (`OTEL_…`) say the rest: headers, sampling, attributes of the resource.
    """
    global _tracer
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SystemExit(MISSING) from None
    own = {"service.name": f"reprise-{process}", "service.version": running_version()}
    provider = TracerProvider(resource=Resource.create(own))
    timeout = None if "OTEL_EXPORTER_OTLP_TIMEOUT" in os.environ else TIMEOUT_SECONDS
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=timeout)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("reprise", running_version())


def span(name: str, parent: str = "", kind: str = INTERNAL) -> AbstractContextManager[Span]:
    """Return a span to enter; the child of `parent` (a `traceparent`) if that is given.

    An `Exception` that is raised in it ends it as failed, with its class, or its cause's, as error.
    """
    if _tracer is None:
        return _NONE
    return _recorded_span(_tracer, name, parent, kind)


def record_span(name: str, parent: str, began: datetime, ended: datetime) -> None:
    """Record a span that is over already."""
    if _tracer is not None:
        context = _remote_context(parent)
        made = _tracer.start_span(name, context, start_time=_nanoseconds(began))
        made.end(max(_nanoseconds(began), _nanoseconds(ended)))


@contextmanager
def _recorded_span(tracer: Tracer, name: str, parent: str, kind: str) -> Iterator[Span]:
    from opentelemetry.trace import SpanKind, get_current_span

    inside = not parent and get_current_span().get_span_context().is_valid
    context = None if inside else _remote_context(parent or _caller.get())
    with tracer.start_as_current_span(
        name, context, SpanKind[kind], record_exception=False, set_status_on_exception=False
    ) as made:
        recorded = _Recorded(made)
        try:
            yield recorded
        except Exception as error:
            recorded.note(outcome=FAILED, error=type(error.__cause__ or error).__name__)
            raise
        except BaseException as error:  # a run's own signals, such as Parked
            recorded.note(outcome=type(error).__name__)
            raise


def _remote_context(parent: str) -> Context:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent} if parent else {})


def _as_traceparent(span: OtelSpan) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000_000)
