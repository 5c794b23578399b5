"""What librarians enter about other catalogues, and what they search there."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from httpx import URL, InvalidURL

from catalog import isbn as isbns
from catalog.query_language import LONGEST_QUERY, clean
from lookup.copying import MOST_TARGETS
from lookup.fetching import public_address
from lookup.models import Target
from lookup.sru import FIELDS
from lookup.trouble import Trouble, Unavailable


class TargetForm(forms.ModelForm):
    """A target; its address must not lead into a private network."""

    class Meta:
        model = Target
        fields = (
            "name",
            "url",
            "version",
            "record_schema",
            "format",
            "title_index",
            "author_index",
            "isbn_index",
            "any_index",
            "is_enabled",
            "position",
        )
        widgets = {"url": forms.TextInput(attrs={"class": "vLargeTextField", "inputmode": "url"})}

    def clean_url(self) -> str:
        """An address that the library may ask; a host that is not known today may be tomorrow."""
        text: str = self.cleaned_data["url"].strip()
        try:
            url = URL(text)
            public_address(url.host, url.port or 80)
        except InvalidURL as error:
            raise ValidationError(_("This is no address."), code="invalid") from error
        except Unavailable as failure:
            if failure.trouble is Trouble.FORBIDDEN_ADDRESS:
                message = _("This address lies in a private network, which this library may not ask.")
                raise ValidationError(message, code="private") from failure
        return text


class Words(forms.CharField):
    """Words to search by, freed of what nobody can search."""

    def __init__(self, label: Any, **more: Any) -> None:
        super().__init__(label=label, required=False, max_length=LONGEST_QUERY, **more)

    def clean(self, value: Any) -> str:
        """The words."""
        return clean(super().clean(value)).strip()


class CatalogueSearchForm(forms.Form):
    """What is searched, and where."""

    title = Words(_("title"))
    author = Words(_("author"))
    isbn = Words(_("ISBN"))
    any = Words(_("Any words"))
    target = forms.ModelMultipleChoiceField(
        Target.objects.none(), label=_("Catalogues"), widget=forms.CheckboxSelectMultiple, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        targets: forms.ModelMultipleChoiceField = self.fields["target"]  # type: ignore[assignment]
        targets.queryset = Target.objects.filter(is_enabled=True)

    def clean_isbn(self) -> str:
        """An ISBN or nothing."""
        text: str = self.cleaned_data["isbn"]
        return isbns.clean(text) if text else ""

    def clean_target(self) -> list[Target]:
        """The chosen ones; without a choice the first ones in use."""
        return list(self.cleaned_data["target"] or self.fields["target"].queryset)[:MOST_TARGETS]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Something to search by, and somewhere to search."""
        given: dict[str, Any] = super().clean() or {}
        if not self.errors and not any(given.get(name) for name in FIELDS):
            raise ValidationError(_("Give a title, an author, an ISBN or any words."), code="empty")
        return given

    def wanted(self) -> dict[str, str]:
        """What is searched, by field."""
        return {name: self.cleaned_data[name] for name in FIELDS if self.cleaned_data[name]}
