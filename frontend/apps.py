"""The pages: Django templates, the TypeScript behind them, the views that fill them."""

from __future__ import annotations

from django.apps import AppConfig


class FrontendConfig(AppConfig):
    """Django's handle on the pages."""

    name = "frontend"
    verbose_name = "Pages"
