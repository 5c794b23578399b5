"""Days and instants in words, in the language in use."""

from datetime import date, datetime, time

from django.utils.formats import date_format
from django.utils.translation import gettext as _

END_OF_DAY = time(23, 59, 59)
"""The time at which day loans fall due: then the day alone is told."""


def day(value: date) -> str:
    """A day: 16 March 2026."""
    return date_format(value, "j E Y")


def moment(local: datetime) -> str:
    """An instant on its own clock: the day, and the time unless it is the very end of the day."""
    if local.time().replace(microsecond=0) == END_OF_DAY:
        return day(local.date())
    return _("%(day)s, %(time)s") % {"day": day(local.date()), "time": f"{local:%H:%M}"}
