"""A reader chooses which letters to do without."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.queries import reader_of
from notifications.actions import choose_letters
from notifications.models import OPTIONAL, Event
from notifications.queries import wanted_by


class LettersForm(forms.Form):
    """Of the letters that a reader may do without, those that are wanted."""

    wanted = forms.MultipleChoiceField(
        label=gettext_lazy("Letters you may do without"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["wanted"].choices = [(event.value, capfirst(event.label)) for event in OPTIONAL]  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@login_required
def my_letters(request: HttpRequest) -> HttpResponse:
    """Which letters the reader gets, and the choice among those that are not needed."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    if reader is None:
        return render(request, "notifications/my_letters.html", {"reader": None})
    form = LettersForm(request.POST if request.method == "POST" else None, initial={"wanted": wanted_by(reader)})
    if form.is_valid():
        choose_letters(reader=reader, wanted=form.cleaned_data["wanted"], by=request.user, now=timezone.now())
        messages.success(request, _("Your choice of letters is kept."))
        return redirect("my_letters")
    always = [capfirst(event.label) for event in Event if event not in OPTIONAL]
    return render(request, "notifications/my_letters.html", {"reader": reader, "form": form, "always": always})
