"""What is typed about reservations, checked for form only."""

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.models import Copy
from policies.models import Branch
from reservations.models import MAX_WHY

MAX_CODE = 64


class PlaceForm(forms.Form):
    """A reader reserves a book."""

    book = forms.UUIDField()
    branch = forms.ModelChoiceField(Branch.objects.all(), to_field_name="code", label=_("Pick up at"))


class SuspendForm(forms.Form):
    """Until when to pass a reservation over."""

    until = forms.DateField(label=_("Pass me over until"))


class CodeForm(forms.Form):
    """One scan."""

    code = forms.CharField(max_length=MAX_CODE)


class CancelForm(forms.Form):
    """Staff end a reservation."""

    why = forms.CharField(max_length=MAX_WHY, label=_("Why"))


class MoveForm(CancelForm):
    """Staff move a reservation in its queue."""

    place = forms.IntegerField(min_value=1, max_value=100_000, label=_("To place"))


class ReleaseForm(CancelForm):
    """A copy that was set aside is not there, or not fit."""

    status = forms.ChoiceField(
        choices=[(Copy.Status.LOST, _("not there")), (Copy.Status.DAMAGED, _("damaged"))], label=_("It is")
    )


class ReserveForForm(forms.Form):
    """Staff reserve a book for a reader."""

    card = forms.CharField(max_length=MAX_CODE, label=_("Reader's card"))
    branch = forms.ModelChoiceField(Branch.objects.all(), empty_label=None, label=_("Pick up at"))
    note = forms.CharField(max_length=MAX_WHY, required=False, label=_("Why, if a rule is overridden"))
    overrides = forms.BooleanField(required=False, label=_("Override what I may"))
