"""What is typed about money, checked for form only."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from cashdesk.models import CHARGES, MAX_REASON, Kind, Method
from cashdesk.rules import LARGEST
from policies.models import Branch

BY_HAND = (Kind.MANUAL, Kind.RESERVATION, Kind.PROCESSING)
"""What staff charge by hand; lateness and loss are charged where they happen."""


class AmountField(forms.DecimalField):
    """An amount above zero; a comma is as good as a point, and spaces between thousands are nothing."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Amount"))
        super().__init__(min_value=Decimal("0.01"), max_value=LARGEST, max_digits=10, decimal_places=2, **kwargs)
        self.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "size": 12})

    def to_python(self, value: Any) -> Any:
        """The amount."""
        if isinstance(value, str):
            value = "".join(value.split()).replace(",", ".")
        return super().to_python(value)


class MoneyForm(forms.Form):
    """A deed done once, however often its form is sent."""

    uid = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"uid": uuid4(), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self.fields["uid"].widget.attrs["autocomplete"] = "off"


class DeskForm(MoneyForm):
    """A deed at the desk of a branch."""

    branch = forms.ModelChoiceField(Branch.objects.all(), label=_("Branch"), empty_label=None)


class PayForm(DeskForm):
    """Money that a reader pays."""

    amount = AmountField()
    method = forms.ChoiceField(
        label=_("Paid by"), choices=Method.choices, widget=forms.RadioSelect, initial=Method.CASH
    )
    keeps_rest = forms.BooleanField(
        label=_("Keep what is left over as credit"),
        required=False,
        help_text=_("Later charges use it up; it can be given back."),
    )
    field_order = ("uid", "amount", "method", "branch", "keeps_rest")


class ChargeForm(DeskForm):
    """What a reader is charged by hand."""

    kind = forms.ChoiceField(label=_("For"), choices=[(kind.value, kind.label) for kind in CHARGES if kind in BY_HAND])
    amount = AmountField()
    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON, help_text=_("The reader sees it."))
    field_order = ("uid", "kind", "amount", "reason", "branch")


class WaiveForm(MoneyForm):
    """What is forgiven, and why."""

    amount = AmountField(help_text=_("All that is left, or a part."))
    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON, help_text=_("The reader sees it."))


class RefundForm(DeskForm):
    """Money given back to a reader."""

    amount = AmountField()
    method = forms.ChoiceField(
        label=_("Given back by"), choices=Method.choices, widget=forms.RadioSelect, initial=Method.CASH
    )
    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON, help_text=_("The reader sees it."))
    field_order = ("uid", "amount", "method", "reason", "branch")


class ReverseForm(DeskForm):
    """Why an entry is undone."""

    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON, help_text=_("The reader sees it."))
    field_order = ("uid", "reason", "branch")
