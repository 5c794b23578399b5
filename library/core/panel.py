"""The figures on the panel's front page: each app brings its own, the page knows none of the apps.

An app's AppConfig may have a method `panel_figures(user, now)` that returns a list of `Figure`, and one
`panel_parts(user, now)` that returns a list of `Part`; they check the user's permissions themselves and ask a bounded
number of cheap queries.
"""

from collections.abc import Mapping
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
    text: str = ""
    """What is shown instead of the number: an amount."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something larger below the figures: a template that finds `context` as `part`."""

    template: str
    context: Mapping[str, Any]


def figures(*, user: Any, now: datetime) -> list[Figure]:
    """All apps' figures that `user` may see, in the order of INSTALLED_APPS."""
    return _of_apps("panel_figures", user, now)


def parts(*, user: Any, now: datetime) -> list[Part]:
    """All apps' parts that `user` may see, in the order of INSTALLED_APPS."""
    return _of_apps("panel_parts", user, now)


def _of_apps(name: str, user: Any, now: datetime) -> list[Any]:
    providers = [getattr(config, name, None) for config in apps.get_app_configs()]
    return [one for provider in providers if provider for one in provider(user=user, now=now)]
