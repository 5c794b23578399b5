"""Look-ups in the world outside as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LookupConfig(AppConfig):
    """What others know of books: descriptions by ISBN, records of other catalogues."""

    name = "lookup"
    verbose_name = _("Looking up")
