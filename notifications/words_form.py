"""The form in which the library writes its own words for a letter."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from notifications import sandbox
from notifications.models import LetterTemplate
from notifications.starters import Words


class WordsForm(forms.Form):
    """Subject, text and HTML, as far as a form of letter has them."""

    subject = forms.CharField(
        label=_("Subject"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
    )
    text = forms.CharField(
        label=_("Text"),
        max_length=sandbox.LONGEST_SOURCE,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}),
    )
    html = forms.CharField(
        label=_("HTML"),
        max_length=sandbox.LONGEST_SOURCE,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}),
    )

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind != LetterTemplate.Kind.LETTER:
            del self.fields["html"]
        if kind == LetterTemplate.Kind.SMS:
            del self.fields["subject"]

    def words(self) -> Words:
        """What was typed."""
        data = self.cleaned_data
        return Words(data.get("subject", ""), data.get("text", ""), data.get("html", ""))
