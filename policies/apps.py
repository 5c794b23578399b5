"""Policies as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PoliciesConfig(AppConfig):
    """How this library works: branches, days, categories and the lending rules."""

    name = "policies"
    verbose_name = _("Rules of the library")
