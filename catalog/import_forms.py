"""The upload of files to import: first the file with its choices, then the word that the preview is right."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from import_export.forms import ConfirmImportForm, ImportForm

from catalog.import_copies import CopyOptions
from catalog.marc import encodings, mapping
from catalog.resources import UploadOptions
from policies.models import Branch, ItemType


class UploadForm(ImportForm):
    """A file that is not too large."""

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
        """Refuse what is larger than `IMPORT_MAX_BYTES`."""
        upload: UploadedFile = self.cleaned_data["import_file"]
        if (upload.size or 0) > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(limit)s. Ask the administrator to import it by command."),
                params={"limit": filesizeformat(settings.IMPORT_MAX_BYTES)},
            )
        return upload


class Choices(forms.Form):
    """What to do with the copies, and how to read the letters."""

    branch = forms.ModelChoiceField(
        Branch.objects.all(),
        required=False,
        label=_("Branch"),
        help_text=_("For copies whose record names no branch, or one that nobody knows."),
    )
    item_type = forms.ModelChoiceField(
        ItemType.objects.all(),
        required=False,
        label=_("Item type"),
        help_text=_("For copies whose record names no item type, or one that nobody knows."),
    )
    has_copies = forms.BooleanField(required=False, initial=True, label=_("Enter the copies in the file too"))
    encoding = forms.ChoiceField(
        choices=[(name, _("as found") if name == encodings.AUTO else name) for name in encodings.CHOICES],
        initial=encodings.AUTO,
        label=_("Encoding of MARC records"),
        help_text=_("Change it when the preview shows wrong letters."),
    )
    record_format = forms.ChoiceField(
        choices=[
            (name, _("as found") if name == mapping.AUTO else mapping.Format(name).label) for name in mapping.FORMATS
        ],
        initial=mapping.AUTO,
        label=_("Format of MARC records"),
    )

    def options(self) -> UploadOptions:
        """The choices of a valid form."""
        chosen = self.cleaned_data
        return UploadOptions(
            encoding=chosen["encoding"],
            record_format=chosen["record_format"],
            copies=CopyOptions(is_wanted=chosen["has_copies"], branch=chosen["branch"], item_type=chosen["item_type"]),
        )


class BookUploadForm(Choices, UploadForm):
    """The first step for books."""

    choice_names = tuple(Choices.base_fields)
    field_order = ["resource", "import_file", *choice_names]


class BookConfirmForm(Choices, ConfirmImportForm):
    """The second step for books: the same choices, out of sight."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in Choices.base_fields:
            self.fields[name].widget = self.fields[name].hidden_widget()
