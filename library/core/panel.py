"""The figures on the panel's front page: each app brings its own, the page knows none of the apps.

An app's AppConfig may have a method `panel_figures(user, now)` that returns a list of `Figure`; it checks the user's
permissions itself and asks a bounded number of cheap queries.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the day: what it counts, where the list behind it is, and how it should look when not zero."""

    label: str
    value: int
    url: str
    kind: str = ""
    """`warn`, `bad` or `brass`; empty: nothing to worry about."""


def figures(*, user: Any, now: datetime) -> list[Figure]:
    """All apps' figures that `user` may see, in the order of INSTALLED_APPS."""
    providers = [getattr(config, "panel_figures", None) for config in apps.get_app_configs()]
    return [figure for provider in providers if provider for figure in provider(user=user, now=now)]
