"""Periods of reports in words: “last month” means other days each time. Pure: no clock, no database."""

from calendar import monthrange
from datetime import date, timedelta

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Period(TextChoices):
    """A stretch of days up to today, or one given by its days."""

    TODAY = "today", _("today")
    YESTERDAY = "yesterday", _("yesterday")
    WEEK = "week", _("last 7 days")
    MONTH = "month", _("this month")
    LAST_MONTH = "last_month", _("last month")
    YEAR = "year", _("this year")
    LAST_YEAR = "last_year", _("last year")
    TWELVE_MONTHS = "12_months", _("12 months, with this one")
    BETWEEN = "between", _("from … to …")


def days_of(period: Period, *, today: date) -> tuple[date, date]:
    """The first and the last day of a period other than BETWEEN."""
    first_of_month = today.replace(day=1)
    match period:
        case Period.TODAY:
            return today, today
        case Period.YESTERDAY:
            return today - timedelta(days=1), today - timedelta(days=1)
        case Period.WEEK:
            return today - timedelta(days=6), today
        case Period.MONTH:
            return first_of_month, today
        case Period.LAST_MONTH:
            last = first_of_month - timedelta(days=1)
            return last.replace(day=1), last
        case Period.YEAR:
            return date(today.year, 1, 1), today
        case Period.LAST_YEAR:
            return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
        case Period.TWELVE_MONTHS:
            return months_before(first_of_month, 11), today
    raise ValueError(period)


def months_before(day: date, months: int) -> date:
    """The same day so many months before, or the last of its month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
