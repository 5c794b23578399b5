"""What is typed at the desk and on the readers' pages, checked for form only."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from cashdesk.forms import AmountField, MoneyForm
from circulation.rules import MAX_DAMAGE, Reason
from policies.models import Branch

MAX_CODE = 64
MAX_NOTE = 500


class BranchForm(forms.Form):
    """Which desk this is."""

    branch = forms.ModelChoiceField(Branch.objects.all(), label=_("Branch"), empty_label=None)


class ScanForm(forms.Form):
    """One scan at the lending desk; what the browser adds to it says when, where and by whom it was made.

    `age`: seconds since the scan, where the library could not be reached then. `key` makes a repetition harmless.
    """

    key = forms.UUIDField(required=False)
    age = forms.IntegerField(required=False, min_value=0, max_value=30 * 24 * 3600)
    made_by = forms.UUIDField(required=False)
    """Public id of the user at whose desk it was made; empty: who sends it."""
    made_at_branch = forms.ModelChoiceField(Branch.objects.all(), required=False)
    """Where the desk stood."""
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


class UndoForm(forms.Form):
    """A step of the list of last steps."""

    entry = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    """Key of the audit's entry about it."""
    reader = forms.UUIDField(required=False)
    """Public id of the reader who is being served, at the lending desk."""
    mode = forms.ChoiceField(choices=[("lend", "lend"), ("return", "return")])


class LossForm(forms.Form):
    """What is known of a loss."""

    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)


class NoteForm(forms.Form):
    """What is known of a claim, or why it is withdrawn."""

    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)


class DamageForm(MoneyForm):
    """What is damaged, and what its last reader pays for it."""

    class Charge(TextChoices):
        NOTHING = "nothing", _("nothing")
        PRICE = "price", _("the copy's price")
        AMOUNT = "amount", _("another amount")

    note = forms.CharField(label=_("What is damaged"), max_length=MAX_DAMAGE, widget=forms.Textarea(attrs={"rows": 2}))
    charge = forms.ChoiceField(
        label=_("The reader pays"),
        choices=Charge.choices,
        initial=Charge.NOTHING,
        required=False,
        widget=forms.RadioSelect,
    )
    amount = AmountField(required=False)
    loan = forms.UUIDField(widget=forms.HiddenInput, required=False)
    """Public id of the loan whose reader the page has shown."""

    def __init__(self, *args: Any, price: Decimal | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.price = price
        if not price:
            self.fields["charge"].choices = [  # type: ignore[attr-defined]
                choice for choice in self.Charge.choices if choice[0] != self.Charge.PRICE
            ]

    def charged(self) -> Decimal | None:
        """What is charged in the end."""
        match self.cleaned_data["charge"]:
            case self.Charge.PRICE:
                return self.price
            case self.Charge.AMOUNT:
                amount: Decimal = self.cleaned_data["amount"]
                return amount
        return None

    def clean(self) -> dict[str, Any]:
        """Another amount has to be named."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("charge") == self.Charge.AMOUNT and not said.get("amount") and "amount" not in self.errors:
            self.add_error("amount", _("Say how much."))
        return said


class SettleForm(forms.Form):
    """How a claim that a copy is back ends."""

    class How(TextChoices):
        FOUND = "found", _("found in the library")
        BROUGHT = "brought", _("brought by the reader")
        WITHDRAWN = "withdrawn", _("withdrawn")

    how = forms.ChoiceField(choices=How.choices)


class PhotoForm(forms.Form):
    """A photo of a reader, or that it is to be taken away."""

    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp", "capture": "user"}),
        help_text=_("JPEG, PNG or WebP of 10 MB at most; a square around the face is kept."),
    )
    drop = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """One of both."""
        said: dict[str, Any] = super().clean() or {}
        if not self.errors and not said.get("photo") and not said.get("drop"):
            self.add_error("photo", _("Choose a picture."))
        return said


class ReturnForm(ScanForm):
    """One scan at the return desk."""

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
