"""The librarian's panel as a Django app."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class LibraryAdminConfig(SimpleAdminConfig):
    """Django Admin on the library's own site class.

    The admin modules of the apps are loaded with the addresses (library/urls.py): worker, beat and commands, which open
    no page, start in two thirds of the time without the spreadsheets, PDF and forms that the panel needs.
    """

    default_site = "library.site.LibraryAdminSite"

    def ready(self) -> None:
        """Checks as Django registers them, but of all that will be on the panel."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_panel, checks.Tags.admin)


def check_panel(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Django's own check of the admin classes, once they are there."""
    autodiscover()
    return check_admin_app(app_configs, **kwargs)
