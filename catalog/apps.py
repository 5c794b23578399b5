"""The catalogue as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    """What the library knows and owns: books, authors, copies."""

    name = "catalog"
    verbose_name = _("Catalogue")
