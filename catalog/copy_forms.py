"""What librarians enter about many copies at once: a block of new ones, a withdrawal."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.copy_actions import MOST_ADDED, MOST_WITHDRAWN
from catalog.copy_numbers import CopyNumber, consecutive, next_block
from catalog.cover_images import read_cover
from catalog.holdings import WithdrawalReason
from catalog.models import Copy
from policies.models import Branch, ItemType


def day_input() -> forms.DateInput:
    """The browser's own calendar."""
    return forms.DateInput({"type": "date"}, format="%Y-%m-%d")


class AddCopiesForm(forms.Form):
    """How many copies, and what they have in common."""

    count = forms.IntegerField(label=_("How many copies"), min_value=1, max_value=MOST_ADDED, initial=1)
    first_number = forms.CharField(
        label=_("First inventory number"),
        max_length=40,
        required=False,
        help_text=_("The last digits count up: ИНВ-099, ИНВ-100. Empty: the library's next free numbers."),
    )
    first_barcode = forms.CharField(
        label=_("First barcode"),
        max_length=40,
        required=False,
        help_text=_("Of a roll that is printed already. Empty: the library's own barcodes, to print."),
    )
    branch = forms.ModelChoiceField(Branch.objects.all(), label=_("Branch"))
    item_type = forms.ModelChoiceField(ItemType.objects.all(), label=_("Item type"))
    shelf_mark = forms.CharField(label=_("Shelf mark"), max_length=100, required=False)
    price = forms.DecimalField(label=_("Price"), max_digits=10, decimal_places=2, min_value=0, required=False)
    acquired_on = forms.DateField(label=_("Acquired"), required=False, widget=day_input())
    is_reference_only = forms.BooleanField(label=_("for use in the library only"), required=False)

    shared_names = ("branch", "item_type", "shelf_mark", "price", "acquired_on", "is_reference_only")

    def clean(self) -> dict[str, Any]:
        """Numbers that count up, and fit."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("first_number", "first_barcode"):
            if (first := cleaned.get(name)) and (count := cleaned.get("count")):
                numbers = consecutive(first, count)
                if not numbers:
                    self.add_error(name, _("There are no digits in it to count up."))
                elif len(numbers[-1]) > 40:
                    self.add_error(name, _("The last number would be longer than 40 characters."))
        return cleaned

    def numbers(self) -> list[CopyNumber]:
        """The numbers of the copies as they would be entered now."""
        count: int = self.cleaned_data["count"]
        own = next_block(count)
        first_number, first_barcode = self.cleaned_data["first_number"], self.cleaned_data["first_barcode"]
        inventory = consecutive(first_number, count) if first_number else [number.inventory_number for number in own]
        barcodes = consecutive(first_barcode, count) if first_barcode else [number.barcode for number in own]
        return [CopyNumber(*pair) for pair in zip(inventory, barcodes, strict=True)]

    @property
    def is_from_counter(self) -> bool:
        """Whether the library's counter gives the barcodes."""
        return not self.cleaned_data["first_barcode"]

    def shared(self) -> dict[str, Any]:
        """What all the copies have in common, as `add_copies` takes it."""
        return {name: self.cleaned_data[name] for name in self.shared_names}


class ChosenCopies(forms.Form):
    """Copies chosen in a list, carried along as keys: «12,15,18»."""

    most = MOST_WITHDRAWN
    copies = forms.CharField(widget=forms.HiddenInput, max_length=20 * MOST_WITHDRAWN, required=False)

    def clean_copies(self) -> list[int]:
        """The keys."""
        return keys(self.cleaned_data["copies"])[: self.most]


def keys(text: str) -> list[int]:
    """The whole numbers of a list with commas, each once."""
    plain = (part for part in text.split(",") if part.isascii() and part.isdigit() and len(part) <= 18)
    return list(dict.fromkeys(map(int, plain)))


class WithdrawForm(ChosenCopies):
    """The act by which copies leave the library."""

    act_number = forms.CharField(label=_("Act number"), max_length=40)
    dated_on = forms.DateField(label=_("Date of the act"), widget=day_input(), initial=timezone.localdate)
    reason = forms.ChoiceField(label=_("Reason"), choices=WithdrawalReason.choices)
    note = forms.CharField(label=_("Note"), max_length=300, required=False)

    def clean_copies(self) -> list[int]:
        """At least one that is there."""
        found = list(Copy.objects.filter(pk__in=super().clean_copies()).values_list("pk", flat=True))
        if not found:
            raise forms.ValidationError(_("Choose the copies in the list first."))
        return found


class PhotoForm(forms.Form):
    """A photo to add, and what is said of it."""

    photo = forms.FileField(label=_("Photo"), help_text=_("JPEG, PNG or WebP, 10 MB at most."))
    alt_text = forms.CharField(
        label=_("What it shows"), max_length=200, help_text=_("For people who cannot see it: the author's autograph.")
    )
    is_public = forms.BooleanField(label=_("Readers see it"), required=False)

    def clean_photo(self) -> Any:
        """The upload as a picture."""
        return read_cover(self.cleaned_data["photo"])


class PhotoTextForm(forms.Form):
    """What is said of a photo that is there."""

    alt_text = forms.CharField(max_length=200)
    is_public = forms.BooleanField(required=False)
