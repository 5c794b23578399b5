"""The filters of a report as a form: its page, the API, saved reports and schedules read them the same way."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.forms import DayInput
from library.core.jobs import local_day
from policies.models import Branch, ItemType, ReaderCategory
from reports.periods import Period, days_of
from reports.registry import Asked, Report

EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)
PARTS = {"period": ("period", "since", "until")}
"""Filters that are more than one field."""


class FilterForm(forms.Form):
    """All filters there are; a report shows those that it names. What is not said is the report's default."""

    use_required_attribute = False

    period = forms.ChoiceField(label=gettext_lazy("Period"), choices=Period.choices)
    since = forms.DateField(label=gettext_lazy("From day"), required=False, widget=DayInput())
    until = forms.DateField(label=gettext_lazy("To day"), required=False, widget=DayInput())
    branch = forms.ModelChoiceField(
        Branch.objects.all(),
        label=gettext_lazy("Branch"),
        to_field_name="code",
        required=False,
        empty_label=gettext_lazy("all branches"),
    )
    category = forms.ModelChoiceField(
        ReaderCategory.objects.all(),
        label=gettext_lazy("Reader category"),
        to_field_name="code",
        required=False,
        empty_label=gettext_lazy("all categories"),
    )
    item_type = forms.ModelChoiceField(
        ItemType.objects.all(),
        label=gettext_lazy("Item type"),
        to_field_name="code",
        required=False,
        empty_label=gettext_lazy("all types"),
    )
    language = forms.CharField(label=gettext_lazy("Language (rus, eng)"), required=False, max_length=3)
    years = forms.IntegerField(label=gettext_lazy("Years without a loan"), min_value=1, max_value=50)
    days = forms.IntegerField(label=gettext_lazy("Days late, at least"), min_value=0, max_value=9999)
    per_copy = forms.IntegerField(label=gettext_lazy("Readers waiting for one copy"), min_value=1, max_value=50)

    DEFAULTS: Mapping[str, str] = {"period": Period.TWELVE_MONTHS, "years": "3", "days": "0", "per_copy": "3"}

    def __init__(self, report: Report, data: Mapping[str, Any], *, now: datetime) -> None:
        self.report, self.now = report, now
        names = fields_of(report)
        said = {
            name: str(value).replace("\0", "\ufffd") for name, value in data.items() if name in names and value != ""
        }
        super().__init__({**self.DEFAULTS, **report.defaults, **said}, auto_id="filter_%s")
        self.fields = {name: field for name, field in self.fields.items() if name in names}

    def clean(self) -> dict[str, Any]:
        """A period given by its days has both, in order."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("period") != Period.BETWEEN:
            return said
        for name in ("since", "until"):
            day = said.get(name)
            if name not in self.errors and (day is None or not EARLIEST <= day <= LATEST):
                self.add_error(name, _("Give a day between 1900 and 2200."))
        if not self.errors and said["since"] > said["until"]:
            self.add_error("until", _("The last day must not be before the first."))
        return said

    def asked(self) -> Asked:
        """What a valid form asks for."""
        said = self.cleaned_data
        period = Period(said.get("period") or Period.TODAY)
        if period == Period.BETWEEN:
            since, until = said["since"], said["until"]
        else:
            since, until = days_of(period, today=local_day(self.now))
        keys = {name: said[name].pk for name in ("branch", "category", "item_type") if said.get(name)}
        return Asked(
            now=self.now,
            since=since,
            until=until,
            language=said.get("language") or None,
            years=said.get("years") or 0,
            days=said.get("days") or 0,
            per_copy=said.get("per_copy") or 1,
            **keys,
        )

    def in_words(self) -> list[tuple[str, str]]:
        """What narrows the report, by label: for the printed page, files and letters."""
        asked, told = self.asked(), []
        if "period" in self.fields:
            told.append((_("Period"), f"{asked.since:%d.%m.%Y} – {asked.until:%d.%m.%Y}"))
        for name, field in self.fields.items():
            if name not in PARTS["period"] and (value := self.cleaned_data.get(name)) not in (None, "", 0):
                told.append((str(field.label), str(value)))
        return told


class SaveForm(forms.Form):
    """Under which name, and for whom."""

    name = forms.CharField(label=gettext_lazy("Name of the report"), max_length=120)
    is_shared = forms.BooleanField(
        label=gettext_lazy("Colleagues see it, too"), required=False, widget=forms.CheckboxInput
    )


def fields_of(report: Report) -> list[str]:
    """Names of the form's fields that a report shows, in its order."""
    return [field for name in report.filters for field in PARTS.get(name, (name,))]
