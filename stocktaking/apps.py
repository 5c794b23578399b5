"""Stocktaking as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StocktakingConfig(AppConfig):
    """Scanning shelves and comparing them with the catalogue."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "stocktaking"
    verbose_name = _("Stocktaking")
