"""Rules, terms and opening hours in words, for every door."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Field
from django.utils import formats
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from policies.models import LendingRule, OpeningHours
from policies.terms import PARAMETERS, DueStep, Terms

GROUPS = (
    (
        gettext_lazy("Loans"),
        (
            "loanable",
            "loan_period",
            "loan_period_unit",
            "fixed_due_on",
            "fixed_due_mode",
            "max_loans",
            "minimum_age",
        ),
    ),
    (gettext_lazy("Closed days"), ("due_on_closed", "period_counts")),
    (
        gettext_lazy("Renewals"),
        ("max_renewals", "renewal_period", "renew_from", "renew_not_before_days", "auto_renew"),
    ),
    (
        gettext_lazy("Fines"),
        (
            "fine_amount",
            "fine_period_days",
            "grace_days",
            "grace_is_charged",
            "fine_cap",
            "cap_at_copy_price",
            "fine_counts_closed_days",
            "suspension_days_per_day",
            "max_suspension_days",
        ),
    ),
    (
        gettext_lazy("Loss"),
        ("lost_after_days", "replacement_fee", "replacement_amount", "processing_fee", "refund_within_days"),
    ),
    (
        gettext_lazy("Reservations"),
        (
            "reservable",
            "on_shelf",
            "max_reservations",
            "max_reservations_per_book",
            "max_reservations_per_day",
            "reservation_fee",
            "pickup_open_days",
        ),
    ),
    (
        gettext_lazy("Reminders"),
        ("remind_before_days", "remind_overdue_days", "remind_from_day", "remind_every_days"),
    ),
)
"""The parameters of a rule in the groups that the panel shows them in."""

DUE_STEPS = {
    DueStep.PERIOD: gettext_lazy("The loan period ends"),
    DueStep.AFTER_CLOSING: gettext_lazy("The branch is not open at that time"),
    DueStep.CLOSED_DAY: gettext_lazy("The branch is closed on that day"),
    DueStep.FIXED_DAY: gettext_lazy("The fixed due day of the rule"),
    DueStep.CARD_EXPIRY: gettext_lazy("The reader's card expires before"),
}
"""What each step of a due date did."""


def column(name: str) -> Field:
    """The column of a parameter."""
    field = LendingRule._meta.get_field(name)
    assert isinstance(field, Field)
    return field


def parameter_name(name: str) -> str:
    """The name of a parameter as the panel shows it, beginning with a capital."""
    label = str(column(name).verbose_name)
    return label[:1].upper() + label[1:]


def parameter_value(name: str, value: Any) -> str:
    """A value in words: yes, 14, 1.50 RUB, «next open day», «none»."""
    if choices := dict(column(name).flatchoices):
        return str(choices.get(value, _("none")))
    match value:
        case None:
            return _("none")
        case bool():
            return _("yes") if value else _("no")
        case Decimal():
            return f"{formats.number_format(value, 2)} {settings.LIBRARY_CURRENCY}"
        case date():
            return formats.date_format(value, "DATE_FORMAT")
        case list() | tuple():
            return ", ".join(map(str, value)) or _("none")
    return str(value)


def period(count: int, unit: str) -> str:
    """«14 days», «3 hours»."""
    if unit == "hours":
        return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def rule_settings(rule: LendingRule) -> list[tuple[str, str]]:
    """Name and value of each parameter that the rule itself sets; a period with its unit counts as one."""
    values = {name: value for name in PARAMETERS if (value := getattr(rule, name)) is not None}
    words = {name: parameter_value(name, value) for name, value in values.items()}
    if "loan_period" in values and "loan_period_unit" in values:
        words["loan_period"] = period(values["loan_period"], values["loan_period_unit"])
        del words["loan_period_unit"]
    return [(parameter_name(name), text) for name, text in words.items()]


def terms_in_groups(terms: Terms) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Every parameter by group: (title, [(parameter, its name, its value)])."""
    return [
        (str(title), [(name, parameter_name(name), parameter_value(name, getattr(terms, name))) for name in names])
        for title, names in GROUPS
    ]


def week(hours: Iterable[OpeningHours]) -> str:
    """A branch's week at a glance: «Mon–Fri 10:00–19:00, Sat 10:00–17:00, Sun closed»."""
    stretches: dict[int, list[str]] = {weekday: [] for weekday in range(7)}
    for one in sorted(hours, key=lambda one: (one.weekday, one.opens_at)):
        stretches[one.weekday].append(f"{one.opens_at:%H:%M}–{one.closes_at:%H:%M}")
    if not any(stretches.values()):
        return _("always open")
    parts = []
    for times, run in groupby(stretches.items(), key=lambda item: item[1]):
        days = [weekday for weekday, _times in run]
        first, last = str(WEEKDAYS_ABBR[days[0]]), str(WEEKDAYS_ABBR[days[-1]])
        span = first if len(days) == 1 else f"{first}–{last}"
        parts.append(f"{span} {' '.join(times) or _('closed')}")
    return ", ".join(parts)


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """«Saturday, December 5, 2026», and the time unless it is the end of the day."""
    local = instant.astimezone(zone)
    day = f"{formats.date_format(local, 'l')}, {formats.date_format(local, 'DATE_FORMAT')}"
    if (local + timedelta(seconds=1)).date() > local.date():
        return day
    return f"{day}, {formats.date_format(local, 'TIME_FORMAT')}"
