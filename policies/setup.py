"""The first set-up of a library: branch, reader categories, item types, the default lending rule, public holidays.

Everything here is idempotent and only ever adds what is missing altogether: what librarians renamed, changed or deleted
on purpose stays as they left it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from itertools import groupby

import holidays
from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from policies.models import Branch, ClosedDay, ItemType, LendingRule, ReaderCategory
from policies.terms import Terms

BRANCH = {"ru": "Центральная библиотека", "en": "Main library"}

CATEGORIES = {
    "adult": {"ru": "Взрослые", "en": "Adults"},
    "child": {"ru": "Дети до 14 лет", "en": "Children under 14"},
    "student": {"ru": "Студенты и школьники", "en": "Students"},
    "staff": {"ru": "Сотрудники библиотеки", "en": "Library staff"},
}
"""Code to name in each language; the first one is given to readers who register on the site."""

SELF_RENEWAL_DAYS = 30
"""Of each of them: within so many days readers extend their card themselves."""

ITEM_TYPES = {
    "book": {"ru": "Книга", "en": "Book"},
    "textbook": {"ru": "Учебник", "en": "Textbook"},
    "journal": {"ru": "Журнал", "en": "Journal"},
    "disc": {"ru": "Диск", "en": "Disc"},
    "game": {"ru": "Настольная игра", "en": "Board game"},
}


@transaction.atomic
def set_up(*, language: str, branches: Sequence[tuple[str, str, str]] = ()) -> list[str]:
    """Create what the library lacks; `branches` are (code, name, time zone). Tells what was created, in sentences.

    Without `branches` and without any branch there is one in the library's time zone. Categories and item types are
    created when there are none at all. Raises ValidationError for a branch that cannot be.
    """
    one_at_a_time()
    if not branches and not Branch.objects.exists():
        branches = [("main", BRANCH[language], settings.TIME_ZONE)]
    return [
        *_add_branches(branches),
        *_add_categories(language),
        *_add_item_types(language),
        *_add_default_rule(),
    ]


def one_at_a_time() -> None:
    """Let a second set-up wait until the transaction of the first one ends."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('setup_library'))")


def _add_branches(branches: Iterable[tuple[str, str, str]]) -> list[str]:
    created = []
    for code, name, time_zone in branches:
        if Branch.objects.filter(code=code).exists():
            continue
        branch = Branch(code=code, name=name, time_zone=time_zone)
        branch.full_clean()
        branch.save()
        created.append(_("Branch “%(name)s”, open at all times until you enter its hours.") % {"name": name})
    return created


def _add_categories(language: str) -> list[str]:
    if ReaderCategory.objects.exists():
        return []
    default = next(iter(CATEGORIES))
    ReaderCategory.objects.bulk_create(
        ReaderCategory(
            code=code,
            name=names[language],
            is_default=code == default,
            maximum_age=13 if code == "child" else None,
            self_renewal_days=SELF_RENEWAL_DAYS,
        )
        for code, names in CATEGORIES.items()
    )
    names = ", ".join(names[language] for names in CATEGORIES.values())
    return [_("Reader categories: %(names)s.") % {"names": names}]


def _add_item_types(language: str) -> list[str]:
    if ItemType.objects.exists():
        return []
    ItemType.objects.bulk_create(ItemType(code=code, name=names[language]) for code, names in ITEM_TYPES.items())
    names = ", ".join(names[language] for names in ITEM_TYPES.values())
    return [_("Item types: %(names)s.") % {"names": names}]


def _add_default_rule() -> list[str]:
    if LendingRule.objects.default().exists():
        return []
    rule = LendingRule.objects.create(**asdict(Terms()))
    return [
        _("The default lending rule: %(days)d days, %(loans)d loans at once, %(renewals)d renewals.")
        % {"days": rule.loan_period, "loans": rule.max_loans, "renewals": rule.max_renewals}
    ]


class UnknownCountry(Exception):
    """The holidays of this country are not known."""


@transaction.atomic
def add_holidays(*, country: str, year: int, language: str) -> list[str]:
    """Close every branch on the public holidays of `country` (two letters, RU) in `year`, transferred days included.

    A holiday that a closure of every branch covers already is left alone. Consecutive days of one name become one
    closure. Raises UnknownCountry.
    """
    one_at_a_time()
    try:
        by_day = holidays.country_holidays(country.upper(), years=year, language=_holiday_language(country, language))
    except NotImplementedError as error:
        raise UnknownCountry(country) from error
    closures = list(ClosedDay.objects.filter(branch=None))
    missing = [
        (day, name)
        for day, name in sorted(by_day.items())
        if day.year == year and not any(closure.covers(day) for closure in closures)
    ]
    ranges = []
    for _key, run in groupby(enumerate(missing), key=lambda pair: (pair[1][0] - timedelta(days=pair[0]), pair[1][1])):
        days = [entry for _position, entry in run]
        ranges.append(ClosedDay(starts_on=days[0][0], ends_on=days[-1][0], reason=days[0][1][:200]))
    ClosedDay.objects.bulk_create(ranges)
    return [_("Closed: %(closure)s.") % {"closure": closure} for closure in ranges]


def _holiday_language(country: str, language: str) -> str | None:
    """The variant of `language` that the names of the holidays exist in; None: the country's own."""
    supported = holidays.list_localized_countries().get(country.upper(), [])
    return next((code for code in supported if code.split("_")[0] == language), None)


def run_further_steps() -> list[str]:
    """Call what other apps need set up, by `settings.LIBRARY_SETUP_STEPS`; gives their sentences."""
    steps: list[Callable[[], list[str]]] = [import_string(name) for name in settings.LIBRARY_SETUP_STEPS]
    return [sentence for step in steps for sentence in step()]
