"""What is typed, scanned and uploaded in a stocktake, checked for form only."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from stocktaking.actions import MOST_SCANS
from stocktaking.models import CODE_LENGTH, Outcome, Stocktake
from stocktaking.rules import LAST_LETTER

LARGEST_FILE = 512 * 1024
"""Bytes of an uploaded list of numbers."""


class StocktakeForm(forms.ModelForm):
    """Where to count."""

    class Meta:
        model = Stocktake
        fields = ("branch", "shelf_from", "shelf_to", "note")

    def clean(self) -> dict[str, Any]:
        """The stretch of shelves goes up."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("shelf_from", ""), cleaned.get("shelf_to", "")
        if last and last + LAST_LETTER < first:
            self.add_error("shelf_to", _("The last shelf mark comes before the first."))
        return cleaned


class ScanForm(forms.Form):
    """One scan."""

    code = forms.CharField(max_length=CODE_LENGTH)


class UploadForm(forms.Form):
    """A list of numbers from a hand scanner: a text file, one number a line."""

    numbers = forms.FileField(
        label=_("File of scanned numbers"), help_text=_("A text file, one number a line, in the order of the shelf.")
    )

    def clean_numbers(self) -> list[str]:
        """The lines; of a table, their first column."""
        upload = self.cleaned_data["numbers"]
        if upload.size > LARGEST_FILE:
            raise forms.ValidationError(_("This file is too large for a list of numbers."))
        content: bytes = upload.read()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1251", errors="replace")
        if "\0" in text:
            raise forms.ValidationError(_("This is no text file."))
        codes = [code for line in text.splitlines() if (code := line.replace("\t", ";").split(";")[0].strip(' "'))]
        if not codes:
            raise forms.ValidationError(_("There are no numbers in this file."))
        if len(codes) > MOST_SCANS:
            message = _("Send %(most)d numbers at most at once.") % {"most": MOST_SCANS}
            raise forms.ValidationError(message)
        return codes


class CorrectForm(forms.Form):
    """Which findings to put right."""

    outcome = forms.ChoiceField(choices=Outcome.choices)
    finding = forms.IntegerField(required=False)
    """Empty: every one of the kind."""

    def ids(self) -> list[int] | None:
        """The one finding, or None for all."""
        finding: Any = self.cleaned_data["finding"]
        return None if finding is None else [finding]
