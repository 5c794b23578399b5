"""How a print lies on its paper: chosen by the librarian, and remembered for the session."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.sessions.backends.base import SessionBase
from django.utils.translation import gettext_lazy as _

from printing.sheets import Layout
from printing.stocks import BY_CODE, Use, stocks_for

REMEMBERED = ("stock", "offset_x", "offset_y", "has_outlines")
FURTHEST = 15
"""Millimetres that a print can be moved."""


class LayoutForm(forms.Form):
    """Stock, first free label, offsets. `uses` are the kinds of stock to choose from."""

    uses: Iterable[Use] = tuple(Use)

    stock = forms.ChoiceField(label=_("Paper"))
    start = forms.IntegerField(
        label=_("First free label"),
        min_value=1,
        initial=1,
        help_text=_("For a sheet that was begun: counted along the rows from the top left."),
    )
    offset_x = forms.FloatField(
        label=_("Move to the right, mm"), min_value=-FURTHEST, max_value=FURTHEST, initial=0, required=False
    )
    offset_y = forms.FloatField(
        label=_("Move down, mm"), min_value=-FURTHEST, max_value=FURTHEST, initial=0, required=False
    )
    has_outlines = forms.BooleanField(label=_("Draw the edges of the labels"), required=False)

    def __init__(self, *args: Any, session: SessionBase, **kwargs: Any) -> None:
        self._session = session
        self._key = "print_" + "_".join(self.uses)
        kwargs["initial"] = session.get(self._key, {}) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.fields["stock"].choices = [(stock.code, stock.name) for stock in stocks_for(self.uses)]  # type: ignore[attr-defined] # a ChoiceField

    def clean(self) -> dict[str, Any]:
        """The first free label lies on the sheet."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stock = BY_CODE.get(cleaned.get("stock", ""))
        if stock and cleaned.get("start", 1) > stock.per_sheet:
            self.add_error("start", _("A sheet of this paper has %(count)d labels.") % {"count": stock.per_sheet})
        return cleaned

    def layout(self) -> Layout:
        """What was chosen; all but the first free label is remembered for the next print."""
        given = self.cleaned_data
        self._session[self._key] = {name: given[name] for name in REMEMBERED}
        return Layout(
            stock=BY_CODE[given["stock"]],
            start=given["start"],
            offset=(given["offset_x"] or 0.0, given["offset_y"] or 0.0),
            has_outlines=given["has_outlines"],
        )
