"""Labels of copies: which copies, and what each label says."""

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Func, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.copy_forms import keys
from catalog.copy_numbers import consecutive
from catalog.models import Copy, ImportedBook
from catalog.titles import volume_key
from printing.faces import BarcodeLabel, Face, SpineLabel
from printing.forms import LayoutForm
from printing.sheets import MOST_LABELS
from printing.stocks import BY_CODE, Use

LARGEST = 2**63 - 1
"""The largest key a table can have."""
KINDS = [
    ("barcode", gettext_lazy("barcodes")),
    ("qr", gettext_lazy("QR codes")),
    ("spine", gettext_lazy("spine labels")),
]


class LabelsForm(LayoutForm):
    """Whose labels, of which kind, on which paper. Copies come from a list, a book, an import or a range of numbers."""

    uses = (Use.LABEL, Use.SPINE)

    kind = forms.ChoiceField(label=gettext_lazy("What to print"), choices=KINDS, widget=forms.RadioSelect)
    copies = forms.CharField(widget=forms.HiddenInput, max_length=20 * MOST_LABELS, required=False)
    book = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=LARGEST)
    run = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=LARGEST)
    part = forms.TypedChoiceField(label=gettext_lazy("Which of them"), coerce=int, empty_value="", required=False)
    first = forms.CharField(label=gettext_lazy("From inventory number"), max_length=40, required=False)
    last = forms.CharField(label=gettext_lazy("To inventory number"), max_length=40, required=False)

    field_order = ("kind", "part", "first", "last", "stock", "start", "offset_x", "offset_y", "has_outlines")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].initial = "barcode"
        if any(self[name].value() for name in ("copies", "book", "run")):
            del self.fields["first"], self.fields["last"]
        if parts := self._parts():
            self.fields["part"].required = True
            self.fields["part"].choices = parts  # type: ignore[attr-defined] # a ChoiceField
        else:
            del self.fields["part"]

    def _parts(self) -> list[tuple[int, str]]:
        """Of a book or an import with more copies than one file holds: where each file begins, and what it holds."""
        count = 0
        for name in ("run", "book"):
            value = str(self[name].value() or "")
            if value.isascii() and value.isdigit() and len(value) <= 18:
                count = Copy.objects.filter(copies_of(name, int(value))).count()
                break
        starts = range(0, count, MOST_LABELS) if count > MOST_LABELS else ()
        return [(start, f"{start + 1}–{min(start + MOST_LABELS, count)}") for start in starts]

    def clean(self) -> dict[str, Any]:
        """There are copies to print for, and not too many; barcodes do not go on paper for spines only."""
        cleaned: dict[str, Any] = super().clean()
        stock = BY_CODE.get(cleaned.get("stock", ""))
        if stock and Use.LABEL not in stock.uses and cleaned.get("kind") != "spine":
            self.add_error("stock", _("These labels are too small for a barcode. Choose other paper."))
        if not self.errors:
            self.found = self._copies(cleaned)
            if not self.found:
                raise ValidationError(_("There are no such copies."))
            if len(self.found) > MOST_LABELS:
                raise ValidationError(_("Print %(most)d labels at most at once."), params={"most": MOST_LABELS})
        return cleaned

    def faces(self) -> Iterable[Face]:
        """One label a copy."""
        kind = self.cleaned_data["kind"]
        return [spine_label(copy) if kind == "spine" else barcode_label(copy, kind == "qr") for copy in self.found]

    def _copies(self, cleaned: dict[str, Any]) -> list[Copy]:
        rows = Copy.objects.select_related("book", "branch").order_by("inventory_number")
        rows = rows.only(
            *("inventory_number", "barcode", "shelf_mark", "branch__code"),
            *("book__title", "book__volume", "book__call_number"),
        )
        found: QuerySet[Copy]
        if cleaned.get("copies"):
            found = rows.filter(pk__in=keys(cleaned["copies"]))
        elif cleaned.get("run") or cleaned.get("book"):
            name = "run" if cleaned.get("run") else "book"
            start = cleaned.get("part") or 0
            return list(rows.filter(copies_of(name, cleaned[name]))[start : start + MOST_LABELS])
        elif cleaned.get("first"):
            found = rows.filter(inventory_number__in=numbers_between(cleaned["first"], cleaned.get("last") or ""))
        else:
            raise ValidationError({"first": _("Type the first inventory number.")})
        return list(found[: MOST_LABELS + 1])


def copies_of(name: str, pk: int) -> Q:
    """The copies that an import made (`name`: «run»), or those of a book («book»)."""
    if name == "book":
        return Q(book=pk)
    entries = ImportedBook.objects.filter(run=pk)
    return Q(pk__in=entries.annotate(made=Func("copies", function="unnest")).values("made"))


def numbers_between(first: str, last: str) -> list[str]:
    """All inventory numbers from `first` to `last`, which differ in their last digits only; `last` empty: just one.

    Raises ValidationError for other pairs and for more than can be printed.
    """
    if not last or first == last:
        return [first]
    ends = [re.fullmatch(r"(.*?)([0-9]+)([^0-9]*)", number, re.DOTALL) for number in (first, last)]
    if not (ends[0] and ends[1] and ends[0].group(1, 3) == ends[1].group(1, 3)):
        raise ValidationError({"last": _("The two numbers may differ in their last digits only.")})
    count = int(ends[1][2]) - int(ends[0][2]) + 1
    if count < 1:
        raise ValidationError({"last": _("The last number comes before the first.")})
    if count > MOST_LABELS:
        raise ValidationError({"last": _("Print %(most)d labels at most at once.") % {"most": MOST_LABELS}})
    return consecutive(first, count)


def barcode_label(copy: Copy, is_qr: bool) -> BarcodeLabel:
    """The label that goes inside the cover."""
    return BarcodeLabel(
        library=settings.LIBRARY_NAME,
        barcode=copy.barcode,
        inventory_number=copy.inventory_number,
        title=str(copy.book),
        shelf_mark=copy.shelf_mark,
        is_qr=is_qr,
    )


def spine_label(copy: Copy) -> SpineLabel:
    """The label of the back."""
    mark, volume = copy.shelf_mark or copy.book.call_number, copy.book.volume
    is_said = volume_key(mark).endswith(volume_key(volume))
    return SpineLabel(shelf_mark=mark, volume="" if is_said else volume, branch=copy.branch.code)
