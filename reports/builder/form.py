"""The page of the builder as a form: whatever comes in is matched with what the subject declares, or is an error."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.forms import DayInput
from library.core.jobs import local_day
from reports.builder.statement import Definition, Figure, Narrowing, report_of
from reports.builder.subjects import Part, Subject
from reports.forms import EARLIEST, LATEST
from reports.periods import months_before
from reports.registry import Asked, Kind, Report

MOST_COLUMNS = 12
LONGEST_TEXT = 100


class BuilderForm(forms.Form):
    """Columns, figures, filters; `definition` and `report` of a valid one. The address of the page says all of it."""

    use_required_attribute = False

    def __init__(self, subject: Subject, data: Mapping[str, Any], *, user: Any, now: datetime) -> None:
        self.subject, self.now = subject, now
        self.parts = {part.key: part for part in subject.parts_for(user)}
        said = data.copy() if isinstance(data, QueryDict) else _as_query(data)
        if not said:
            said.setlist("columns", [key for key in subject.at_first if key in self.parts])
            said[f"{subject.period}_from"] = months_before(local_day(now).replace(day=1), 11).isoformat()
        super().__init__(said, auto_id="built_%s")
        self.fields["columns"] = _boxes(_("Columns"), [(key, part.title) for key, part in self.parts.items()])
        self.figures = {figure.key: figure for figure in _figures(self.parts.values())}
        self.fields["figures"] = _boxes(
            _("Worked out for each group"), [(key, _title(figure)) for key, figure in self.figures.items()]
        )
        self.fields["figures"].help_text = _("With any of these, rows that agree in the columns become one.")
        self.filters: dict[str, tuple[Part, str]] = {}
        for part in self.parts.values():
            if part.has_filter:
                self._add_filters(part)

    def _add_filters(self, part: Part) -> None:
        if part.choices:
            choices = [("", _("all")), *part.choices()]
            self._add(part, "is", forms.ChoiceField(label=str(part.title), choices=choices, required=False))
        elif part.kind == Kind.DAY:
            for how, label in (("from", _("%(what)s, from")), ("to", _("%(what)s, to"))):
                field = forms.DateField(label=label % {"what": part.title}, required=False, widget=DayInput())
                self._add(part, how, field)
        elif part.kind in (Kind.NUMBER, Kind.MONEY):
            for how, label in (("from", _("%(what)s, at least")), ("to", _("%(what)s, at most"))):
                self._add(part, how, _number(part, label % {"what": part.title}))
        else:
            label = _("%(what)s contains") % {"what": part.title}
            self._add(part, "contains", forms.CharField(label=label, required=False, max_length=LONGEST_TEXT))

    def _add(self, part: Part, how: str, field: forms.Field) -> None:
        name = f"{part.key}_{how}"
        self.fields[name], self.filters[name] = field, (part, how)

    def clean(self) -> dict[str, Any]:
        """There is something to show, not too much of it, and days are of our time."""
        said: dict[str, Any] = super().clean() or {}
        if not self.errors and not said["columns"] and not said["figures"]:
            self.add_error("columns", _("Choose at least one column or figure."))
        if len(said.get("columns", ())) > MOST_COLUMNS:
            self.add_error("columns", _("Choose %(most)d columns at most.") % {"most": MOST_COLUMNS})
        for name in self.filters:
            if isinstance(value := said.get(name), date) and not EARLIEST <= value <= LATEST:
                self.add_error(name, _("Give a day between 1900 and 2200."))
        return said

    def definition(self) -> Definition:
        """What a valid form says."""
        said = self.cleaned_data
        columns = tuple(self.parts[key] for key in self.parts if key in said["columns"])
        figures = tuple(self.figures[key] for key in self.figures if key in said["figures"])
        narrowings = tuple(
            Narrowing(part, how, said[name])
            for name, (part, how) in self.filters.items()
            if said.get(name) not in (None, "")
        )
        return Definition(self.subject, columns, figures, narrowings, self._sort(columns, figures))

    def _sort(self, columns: tuple[Part, ...], figures: tuple[Figure, ...]) -> str:
        """As the address says, if it names what is shown; else the largest figure first, lists by column."""
        asked = str(self.data.get("sort", ""))
        keys = [part.key for part in columns] + [figure.key for figure in figures]
        if asked.removeprefix("-") in keys:
            return asked
        if figures and not (columns and columns[0].kind in (Kind.DAY, Kind.MONTH)):
            return f"-{figures[0].key}"
        return keys[0]

    def report(self, *, key: str) -> Report:
        """What a valid form says, as a report."""
        return report_of(self.definition(), key=key)

    def asked(self) -> Asked:
        """Built reports keep their filters to themselves."""
        today = local_day(self.now)
        return Asked(now=self.now, since=today, until=today)

    def in_words(self) -> list[tuple[str, str]]:
        """What narrows the report, by label."""
        told = []
        for name, (part, _how) in self.filters.items():
            value = self.cleaned_data.get(name)
            if value in (None, ""):
                continue
            text = dict(part.choices()).get(str(value), str(value)) if part.choices else str(value)
            told.append((str(self.fields[name].label), f"{value:%d.%m.%Y}" if isinstance(value, date) else str(text)))
        return told

    def said(self) -> dict[str, Any]:
        """What the address says, to be kept: lists for columns and figures, texts for the rest, empty ones left out."""
        kept: dict[str, Any] = {name: self.data.getlist(name) for name in ("columns", "figures")}  # type: ignore[attr-defined]
        kept |= {name: str(self.data[name]) for name in (*self.filters, "sort") if self.data.get(name)}
        return kept

    def filter_fields(self) -> list[forms.BoundField]:
        """The fields below the columns."""
        return [self[name] for name in self.filters]

    def count_filters(self) -> int:
        """How many filters say something."""
        return sum(bool(self.data.get(name)) for name in self.filters)


def query_of(kept: Mapping[str, Any]) -> str:
    """What was kept as the query of an address."""
    return _as_query(kept).urlencode()


def _as_query(kept: Mapping[str, Any]) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in kept.items():
        query.setlist(name, list(map(str, value)) if isinstance(value, (list, tuple)) else [str(value)])
    return query


def _boxes(label: str, choices: list[tuple[str, Any]]) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple()
    )


def _number(part: Part, label: str) -> forms.Field:
    if part.kind == Kind.MONEY:
        return forms.DecimalField(label=label, required=False, max_digits=12, decimal_places=2)
    return forms.IntegerField(label=label, required=False, min_value=-10_000, max_value=2_000_000_000)


def _figures(parts: Any) -> list[Figure]:
    summable = [part for part in parts if part.is_summable]
    return [Figure("count"), *(Figure(how, part) for part in summable for how in ("sum", "average"))]


def _title(figure: Figure) -> str:
    if figure.part is None:
        return _("Count")
    name = _("%(what)s: sum") if figure.how == "sum" else _("%(what)s: average")
    return name % {"what": figure.part.title}
