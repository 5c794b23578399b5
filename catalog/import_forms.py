"""Uploads of files to import: books with the choices for them, and tables of copies."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from import_export.forms import ImportForm

from catalog.import_copies import CREATE, REFUSE
from catalog.marc import encodings, mapping
from catalog.models import CopyFieldMapping
from policies.models import Branch, ItemType


def bounded(upload: UploadedFile, limit: int) -> UploadedFile:
    """The upload, refused when it has more than `limit` bytes."""
    if (upload.size or 0) > limit:
        raise forms.ValidationError(
            _("The file is larger than %(limit)s. Ask the administrator to import it by command."),
            params={"limit": filesizeformat(limit)},
        )
    return upload


class UploadForm(ImportForm):
    """A table of copies that is not too large."""

    @property
    def media(self) -> forms.Media:
        """No script: there is one format only, which recognises the file by itself."""
        return forms.Media()

    def __init__(self, formats: Any, resources: Any, **kwargs: Any) -> None:
        super().__init__(formats, resources, **kwargs)
        self.fields["format"].widget = forms.HiddenInput()
        self.fields["format"].initial = "0"
        self.fields["import_file"].label = _("File")

    def clean_import_file(self) -> UploadedFile:
        """Refuse what is larger than `IMPORT_MAX_BYTES_OF_COPIES`."""
        return bounded(self.cleaned_data["import_file"], settings.IMPORT_MAX_BYTES_OF_COPIES)


class Choices(forms.Form):
    """What to do with the copies, and how to read the letters."""

    branch = forms.ModelChoiceField(
        Branch.objects.all(),
        required=False,
        to_field_name="code",
        label=_("Branch"),
        help_text=_("For copies whose record names no branch, or one that nobody knows."),
    )
    unknown_branches = forms.ChoiceField(
        choices=[
            ("", _("put their copies into the branch above")),
            (CREATE, _("make these branches")),
            (REFUSE, _("leave their copies out, and name them among the remarks")),
        ],
        required=False,
        label=_("Branches that nobody knows"),
        help_text=_("When no branch is chosen above, such copies are left out."),
    )
    item_type = forms.ModelChoiceField(
        ItemType.objects.all(),
        required=False,
        to_field_name="code",
        label=_("Item type"),
        help_text=_("For copies whose record names no item type, or one that nobody knows."),
    )
    has_copies = forms.BooleanField(required=False, initial=True, label=_("Enter the copies in the file too"))
    copies = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=50,
        label=_("Copies of a new book whose record names none"),
    )
    copy_field = forms.ModelChoiceField(
        CopyFieldMapping.objects.all(),
        required=False,
        empty_label=_("as found"),
        label=_("Copies stand in"),
        help_text=_("The fields are listed under “copy fields”, where they may be changed."),
    )
    encoding = forms.ChoiceField(
        choices=[(name, _("as found") if name == encodings.AUTO else name) for name in encodings.CHOICES],
        initial=encodings.AUTO,
        label=_("Encoding of MARC records"),
        help_text=_("Change it when the preview shows wrong letters."),
    )
    format = forms.ChoiceField(
        choices=[
            (name, _("as found") if name == mapping.AUTO else mapping.Format(name).label) for name in mapping.FORMATS
        ],
        initial=mapping.AUTO,
        label=_("Format of MARC records"),
    )

    def options(self) -> dict[str, Any]:
        """The choices of a valid form, as an import keeps them (`catalog.import_copies.copy_options`)."""
        chosen = self.cleaned_data
        options = {
            "format": chosen["format"],
            "encoding": chosen["encoding"],
            "branch": chosen["branch"].code if chosen["branch"] else "",
            "unknown_branches": chosen["unknown_branches"],
            "item_type": chosen["item_type"].code if chosen["item_type"] else "",
            "no_copies": not chosen["has_copies"],
            "copies": chosen["copies"] or 0,
            "copy_field": str(chosen["copy_field"].pk) if chosen["copy_field"] else "",
        }
        return {name: value for name, value in options.items() if value}

    @staticmethod
    def choices_of(options: dict[str, Any]) -> dict[str, Any]:
        """What the form shows for the choices that an import keeps."""
        return {**options, "has_copies": not options.get("no_copies")}


class BookUploadForm(Choices):
    """A file of books."""

    import_file = forms.FileField(label=_("File"), max_length=200)
    field_order = ["import_file"]

    def clean_import_file(self) -> UploadedFile:
        """Refuse what is larger than `IMPORT_MAX_BYTES`."""
        return bounded(self.cleaned_data["import_file"], settings.IMPORT_MAX_BYTES)
