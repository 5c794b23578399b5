"""Reports as a Django app."""

from datetime import datetime
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from library.core.panel import Figure, Part


class ReportsConfig(AppConfig):
    """Figures of the library as tables, charts, files and letters. Reads everything, writes nothing of others."""

    name = "reports"
    verbose_name = _("Reports")

    def panel_figures(self, *, user: Any, now: datetime) -> list[Figure]:
        """What happened today, and what is to be fetched."""
        return import_module("reports.dashboard").figures(user=user, now=now)  # type: ignore[no-any-return]

    def panel_parts(self, *, user: Any, now: datetime) -> list[Part]:
        """A year of loans."""
        return import_module("reports.dashboard").parts(user=user, now=now)  # type: ignore[no-any-return]
