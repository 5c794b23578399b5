"""Reports as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Figures of the library as tables, charts, files and letters. Reads everything, writes nothing of others."""

    name = "reports"
    verbose_name = _("Reports")
