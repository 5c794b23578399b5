"""Forms of the panel for branches, rules and the page of effective terms."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from policies import wording
from policies.models import Branch, ItemType, LendingRule, OpeningHours, ReaderCategory
from policies.terms import NULLABLE, PARAMETERS


def time_zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The zones of the IANA database by continent."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        region, _slash, place = name.partition("/")
        if place and region not in {"Etc", "SystemV", "US"}:
            groups.setdefault(region, []).append((name, name.replace("_", " ")))
    groups["UTC"] = [("UTC", "UTC")]
    return list(groups.items())


class DaysField(forms.CharField):
    """Days with commas; empty inherits (None), a dash is the empty list."""

    NONE = {"-", "–", "—"}
    LONGEST = 20
    LARGEST = 3650

    def prepare_value(self, value: Any) -> Any:
        return (", ".join(map(str, value)) or "—") if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        if text in self.NONE:
            return []
        parts = [part.strip() for part in text.split(",")]
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise ValidationError(_("Write days as numbers with commas, for example 3, 0. A dash: none."))
        days = list(dict.fromkeys(map(int, parts)))
        if max(days) > self.LARGEST or len(days) > self.LONGEST:
            raise ValidationError(_("Give at most 20 days, none above 3650."))
        return days


class LendingRuleForm(forms.ModelForm):
    """A lending rule, whose empty fields say that they inherit; in the default rule, that there is no limit."""

    class Meta:
        model = LendingRule
        fields = ("category", "item_type", "branch", *PARAMETERS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_default = self.instance.pk is not None and self.instance.is_default
        for name in PARAMETERS:
            if name in self.fields:
                self._say_what_empty_means(name, self.fields[name], is_default=is_default)

    def _say_what_empty_means(self, name: str, field: forms.Field, *, is_default: bool) -> None:
        empty = _("none") if is_default else _("inherits")
        if isinstance(field, forms.NullBooleanField):
            inherits = [] if is_default else [("unknown", empty)]
            field.widget.choices = [*inherits, ("true", _("yes")), ("false", _("no"))]
        elif isinstance(field, forms.TypedChoiceField):
            inherits = [] if is_default else [("", empty)]
            field.choices = [*inherits, *wording.column(name).flatchoices]
        elif not is_default or name in NULLABLE:
            field.widget.attrs["placeholder"] = empty


class ReaderCategoryForm(forms.ModelForm):
    """A reader category; ticking «default» takes the mark from the category that had it."""

    class Meta:
        model = ReaderCategory
        fields = (
            "name",
            "code",
            "is_default",
            "card_months",
            "minimum_age",
            "maximum_age",
            "max_total_loans",
            "max_overdue_loans",
            "max_balance",
        )

    def clean_is_default(self) -> bool:
        is_default: bool = self.cleaned_data["is_default"]
        if "is_default" in self.initial and self.initial["is_default"] and not is_default:
            raise ValidationError(_("Tick this in another category instead: who registers on the site needs one."))
        return is_default


class OpeningHoursFormSet(forms.BaseInlineFormSet):
    """The week of a branch, in which stretches of the same day must not overlap."""

    def clean(self) -> None:
        super().clean()
        seen: list[Mapping[str, Any]] = []
        for form in self.forms:
            data = getattr(form, "cleaned_data", {})
            if not form.is_valid() or "opens_at" not in data or data.get("DELETE"):
                continue
            if any(_overlap(data, other) for other in seen):
                form.add_error("opens_at", _("These opening hours overlap others of the same day."))
            seen.append(data)


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(
        one["weekday"] == other["weekday"]
        and one["opens_at"] < other["closes_at"]
        and other["opens_at"] < one["closes_at"]
    )


class OpeningHoursForm(forms.ModelForm):
    """One stretch; in the row of a day that is closed both times stay empty."""

    class Meta:
        model = OpeningHours
        fields = ("weekday", "opens_at", "closes_at")


class DayField(forms.DateField):
    """A day chosen in the browser's own calendar."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            validators=[MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(2200, 12, 31))],
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            input_formats=["%Y-%m-%d"],
            **kwargs,
        )


class EffectiveTermsForm(forms.Form):
    """For whom, what and where the effective terms are asked, and the loan of the worked example."""

    category = forms.ModelChoiceField(ReaderCategory.objects.all(), label=_("Reader category"), empty_label=None)
    item_type = forms.ModelChoiceField(ItemType.objects.all(), label=_("Item type"), empty_label=None)
    branch = forms.ModelChoiceField(Branch.objects.all(), label=_("Branch"), empty_label=None)
    lent_on = DayField(label=_("Lent on"), help_text=_("Empty: today."))
    lent_at = forms.TimeField(
        label=_("Time"),
        required=False,
        help_text=_("The branch's local time. Empty: now."),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    card_expires_on = DayField(label=_("Card valid until"), help_text=_("Empty: no end in sight."))
