"""What is typed at the desk and on the readers' pages, checked for form only."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from circulation.rules import Reason
from policies.models import Branch

MAX_CODE = 64
MAX_NOTE = 500


class BranchForm(forms.Form):
    """Which desk this is."""

    branch = forms.ModelChoiceField(Branch.objects.all(), label=_("Branch"), empty_label=None)


class ScanForm(forms.Form):
    """One scan at the lending desk."""

    code = forms.CharField(max_length=MAX_CODE)
    reader = forms.UUIDField(required=False)
    """Public id of the reader who is being served."""


class OverrideForm(forms.Form):
    """Reasons that staff set aside for one copy or loan, and why."""

    reasons = forms.MultipleChoiceField(choices=[(reason.value, reason.value) for reason in Reason])
    note = forms.CharField(max_length=MAX_NOTE, required=False)

    def overrides(self) -> frozenset[Reason]:
        """The reasons as codes."""
        return frozenset(map(Reason, self.cleaned_data["reasons"]))


class LendForm(OverrideForm):
    """Lend a copy in spite of reasons."""

    copy = forms.UUIDField()
    reader = forms.UUIDField()


class RenewForm(OverrideForm):
    """Renew one loan of a reader, or all of them; in spite of reasons only one."""

    reasons = forms.MultipleChoiceField(choices=[(reason.value, reason.value) for reason in Reason], required=False)
    reader = forms.UUIDField()
    loan = forms.UUIDField(required=False)
    """Public id; empty: every open loan."""


class LossForm(forms.Form):
    """What is known of a loss."""

    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)


class ReturnForm(forms.Form):
    """One scan at the return desk."""

    code = forms.CharField(max_length=MAX_CODE)
    returned_on = forms.DateField(required=False)
    """The day on which the copy was dropped into the box; empty: now."""

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_returned_on(self) -> date | None:
        """A day that has come; today is the same as now."""
        day: date | None = self.cleaned_data["returned_on"]
        if day and day > self.today:
            raise forms.ValidationError(_("A copy cannot come back in the future. Check the date."))
        return None if day == self.today else day


class RenewMineForm(forms.Form):
    """A reader renews one loan or all."""

    loan = forms.UUIDField(required=False)
    """Public id; empty: every open loan."""
