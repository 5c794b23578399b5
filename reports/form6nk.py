"""The figures that Russia's form 6-НК asks a public library for, by branch and altogether, for any stretch of days.

docs/reports.md says which section of the form each line goes into, and what of the form nobody but people can know.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.holdings import WithdrawalReason
from circulation.models import AgeGroup
from policies.models import Branch
from reports import figures
from reports.registry import Asked

RUSSIAN = "rus"
MATERIALS = {
    "book": "printed",
    "journal": "printed",
    "article": "printed",
    "music": "printed",
    "map": "printed",
    "manuscript": "printed",
    "image": "printed",
    "electronic": "electronic",
    "audio": "audiovisual",
    "video": "audiovisual",
    "game": "other",
    "other": "other",
}
"""Material of a record to the group of the form; everything on paper, unpublished documents too, is «printed»."""
GROUPS = (
    ("printed", _("printed and unpublished")),
    ("electronic", _("electronic, on carriers")),
    ("audiovisual", _("audio and video")),
    ("other", _("on other carriers")),
)
LANGUAGES = (
    ("russian", _("in Russian")),
    ("other_language", _("in other languages")),
    ("no_language", _("language not entered")),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the form. `level` 1 stands indented: a part of the line above it."""

    key: str
    title: Promise | str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the form with its lines."""

    key: str
    title: Promise
    lines: tuple[Line, ...]


def _with_parts(key: str, title: Promise) -> tuple[Line, ...]:
    parts = [*GROUPS, *LANGUAGES]
    return (Line(key, title), *(Line(f"{key}.{part}", name, 1) for part, name in parts))


SECTIONS = (
    Section(
        "stock",
        _("Stock"),
        (
            *_with_parts("acquired", _("Came in during the period")),
            Line("withdrawn", _("Went out during the period")),
            *(Line(f"withdrawn.{reason}", reason.label, 1) for reason in WithdrawalReason),
            *_with_parts("at_end", _("There at the end of the period")),
        ),
    ),
    Section(
        "readers",
        _("Readers"),
        (
            Line("readers", _("Readers of the period: registered or served in it")),
            Line("readers.children", _("children up to 14"), 1),
            Line("readers.youth", _("youth from 15 to 35"), 1),
            Line("readers.new", _("registered for the first time"), 1),
        ),
    ),
    Section(
        "visits",
        _("Visits"),
        (
            Line("visits", _("Visits, as staff counted them")),
            Line("visits.services", _("for the library's services"), 1),
            Line("visits.events", _("to events"), 1),
            Line("visits.children", _("of them by children"), 1),
            Line("events", _("Events")),
            Line("remote", _("Remote visits: calls at the site, by telephone")),
        ),
    ),
    Section(
        "loans",
        _("Documents issued"),
        (
            Line("issued", _("Issued: lent, extended and read in the library")),
            Line("issued.lent", _("lent to take home"), 1),
            Line("issued.renewed", _("extended"), 1),
            Line("issued.read", _("read in the library"), 1),
            Line("issued.children", _("to children up to 14"), 1),
            Line("issued.youth", _("to youth from 15 to 35"), 1),
            *(Line(f"issued.{part}", name, 1) for part, name in (*GROUPS, *LANGUAGES)),
        ),
    ),
)


@dataclass(slots=True)
class Form:
    """The filled-in form: for each branch, by key of a line, a figure. What is not there is none."""

    since: date
    until: date
    branches: list[Branch]
    found: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def figure(self, line: Line, branch: Branch | None = None) -> int:
        """A branch's figure, or that of all."""
        if branch is not None:
            return self.found[branch.pk][line.key]
        return sum(self.found[one.pk][line.key] for one in self.branches)

    def rows(self, section: Section) -> list[tuple[Line, list[int]]]:
        """The lines of a section with their figures: altogether, then by branch."""
        return [
            (line, [self.figure(line), *(self.figure(line, one) for one in self.branches)]) for line in section.lines
        ]


def filled_in(*, since: date, until: date, now: datetime) -> Form:
    """The form for these days. Seven queries."""
    form = Form(since, until, list(Branch.objects.order_by("name")))
    asked = Asked(now=now, since=since, until=until).parameters()
    _loans(form, asked)
    _visits(form, asked)
    _readers(form, asked)
    _stock(form, asked)
    return form


def _rows(sql: str, asked: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return list(cursor.fetchall())


def _parts(material: str, language: str) -> tuple[str, str]:
    by_language = "russian" if language == RUSSIAN else "other_language" if language else "no_language"
    return MATERIALS.get(material, "other"), by_language


_LOANS = f"""
SELECT branch_id, age_group, material, language, sum(loans)::int, sum(renewals)::int, sum(readings)::int
FROM {figures.DAYS} AS days GROUP BY 1, 2, 3, 4"""


def _loans(form: Form, asked: Mapping[str, Any]) -> None:
    for branch, age_group, material, language, loans, renewals, readings in _rows(_LOANS, asked):
        issued, found = loans + renewals + readings, form.found[branch]
        found["issued"] += issued
        found["issued.lent"] += loans
        found["issued.renewed"] += renewals
        found["issued.read"] += readings
        for part in _parts(material, language):
            found[f"issued.{part}"] += issued
        if age_group in (AgeGroup.CHILD, AgeGroup.YOUNG):
            found["issued.children" if age_group == AgeGroup.CHILD else "issued.youth"] += issued


_VISITS = """
SELECT branch_id, sum(visits)::int, sum(visits - event_visits)::int, sum(event_visits)::int, sum(children)::int,
    sum(events)::int, sum(remote)::int
FROM reports_visits WHERE day BETWEEN %(since)s AND %(until)s GROUP BY branch_id"""


def _visits(form: Form, asked: Mapping[str, Any]) -> None:
    keys = ("visits", "visits.services", "visits.events", "visits.children", "events", "remote")
    for branch, *values in _rows(_VISITS, asked):
        form.found[branch].update(dict(zip(keys, values, strict=True)))


_READERS = """
WITH served AS (
    SELECT id FROM accounts_reader WHERE registered_on BETWEEN %(since)s AND %(until)s
    UNION
    SELECT l.reader_id FROM circulation_loan l JOIN policies_branch b ON b.id = l.branch_id
    WHERE l.checked_out_at >= %(from_at)s AND l.checked_out_at < %(to_at)s AND l.undone_at IS NULL
        AND (l.checked_out_at AT TIME ZONE b.time_zone)::date BETWEEN %(since)s AND %(until)s
    UNION
    SELECT subject_id FROM core_auditentry
    WHERE at >= %(from_at)s AND at < %(to_at)s AND action = 'accounts.renew_card' AND subject_type = 'accounts.reader'
        AND (at AT TIME ZONE 'UTC')::date BETWEEN %(since)s AND %(until)s
)
SELECT home_branch_id, count(*)::int,
    count(*) FILTER (WHERE extract(year FROM age(%(until)s::date, birth_date)) < 15)::int,
    count(*) FILTER (WHERE extract(year FROM age(%(until)s::date, birth_date)) BETWEEN 15 AND 35)::int,
    count(*) FILTER (WHERE registered_on BETWEEN %(since)s AND %(until)s)::int
FROM accounts_reader JOIN served USING (id) WHERE merged_into_id IS NULL AND erased_at IS NULL
GROUP BY home_branch_id"""


def _readers(form: Form, asked: Mapping[str, Any]) -> None:
    keys = ("readers", "readers.children", "readers.youth", "readers.new")
    for branch, *values in _rows(_READERS, asked):
        form.found[branch].update(dict(zip(keys, values, strict=True)))


_THERE = """
SELECT c.branch_id, k.material_type, k.language, count(*)::int
FROM catalog_copy c JOIN catalog_book k ON k.id = c.book_id
LEFT JOIN (SELECT w.copy_id, a.dated_on FROM catalog_withdrawal w JOIN catalog_withdrawalact a ON a.id = w.act_id
    WHERE w.restored_at IS NULL) AS gone ON gone.copy_id = c.id
WHERE {} AND c.status <> 'on_order' GROUP BY 1, 2, 3"""
_ACQUIRED = _THERE.format("c.acquired_on BETWEEN %(since)s AND %(until)s")
_AT_END = _THERE.format(
    "(c.acquired_on IS NULL OR c.acquired_on <= %(until)s) AND (gone.dated_on IS NULL AND c.status <> 'withdrawn'"
    " OR gone.dated_on > %(until)s)"
)
_WITHDRAWN = """
SELECT c.branch_id, w.reason, count(*)::int
FROM catalog_withdrawal w JOIN catalog_withdrawalact a ON a.id = w.act_id JOIN catalog_copy c ON c.id = w.copy_id
WHERE w.restored_at IS NULL AND a.dated_on BETWEEN %(since)s AND %(until)s GROUP BY 1, 2"""


def _stock(form: Form, asked: Mapping[str, Any]) -> None:
    for key, sql in (("acquired", _ACQUIRED), ("at_end", _AT_END)):
        for branch, material, language, count in _rows(sql, asked):
            found = form.found[branch]
            found[key] += count
            for part in _parts(material, language):
                found[f"{key}.{part}"] += count
    for branch, reason, count in _rows(_WITHDRAWN, asked):
        form.found[branch]["withdrawn"] += count
        form.found[branch][f"withdrawn.{reason}"] += count


def last_year(today: date) -> tuple[date, date]:
    """The year that the form is asked for: the one that is over."""
    first = date(today.year - 1, 1, 1)
    return first, date(today.year, 1, 1) - timedelta(days=1)
