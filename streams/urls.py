"""HTTP addresses of the streams; `core.urls` includes them before the API's own."""

from __future__ import annotations

from django.urls import path

from core import arrival as arrivals
from streams.metrics import metrics
from streams.transports import eventstream
from streams.transports.arrival import arrival
from streams.transports.longpoll import events
from streams.transports.pages import page, pages
from streams.transports.search import search
from streams.transports.sse import stream

urlpatterns = [
    path(arrivals.PATH[1:], arrival, name="arrival"),  # before what takes any word for a job's id
    path("api/jobs/<str:job>/stream", stream, name="stream"),
    path("api/jobs/<str:job>/events", events, name="events"),
    path("api/jobs/<str:job>/pages", pages, name="pages"),
    path("api/jobs/<str:job>/pages/<str:cursor>", page, name="page"),
    path("api/jobs/<str:job>/search", search, name="search"),
    path("events/", eventstream.events, name="eventstream"),
    path("events", eventstream.events),  # some clients do not follow a redirect
    path("metrics", metrics, name="metrics"),
]
