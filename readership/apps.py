"""Readership as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReadershipConfig(AppConfig):
    """What becomes of a reader as a whole: cards renewed, entries merged, history forgotten, data given out, erased."""

    name = "readership"
    verbose_name = _("Readership")
