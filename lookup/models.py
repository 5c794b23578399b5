"""Other libraries' catalogues to copy records from."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models import SourceRecord

_INDEX = RegexValidator(
    r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*( (=|==|all|any|adj|exact))?$",
    _("Give the name of an index, if need be with a relation: dc.title, bib.title all."),
)


class Target(models.Model):
    """A catalogue of another library that answers by SRU. Entered on the panel, searched by `lookup.copying`."""

    class Version(models.TextChoices):
        ONE_ONE = "1.1", "1.1"
        ONE_TWO = "1.2", "1.2"

    class Format(models.TextChoices):
        AUTO = "auto", _("find out from the record")
        MARC21 = SourceRecord.Format.MARC21.value, "MARC21"
        UNIMARC = SourceRecord.Format.UNIMARC.value, "UNIMARC"
        RUSMARC = SourceRecord.Format.RUSMARC.value, "RUSMARC"

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.CharField(
        _("address"),
        max_length=500,
        validators=[URLValidator(schemes=["http", "https"])],
        help_text=_("Of the SRU server, without a query: https://services.dnb.de/sru/dnb"),
    )
    version = models.CharField(_("SRU version"), max_length=3, choices=Version.choices, default=Version.ONE_ONE)
    record_schema = models.CharField(
        _("record schema"),
        max_length=100,
        default="marcxml",
        help_text=_("What the server calls its MARC records: marcxml, MARC21-xml, unimarcxchange, rusmarc."),
    )
    format = models.CharField(_("format of records"), max_length=7, choices=Format.choices, default=Format.AUTO)
    title_index = models.CharField(
        _("index of titles"),
        max_length=60,
        default="dc.title",
        blank=True,
        validators=[_INDEX],
        help_text=_("Empty: it cannot be searched by this. The relation may follow the name: bib.title all."),
    )
    author_index = models.CharField(
        _("index of authors"), max_length=60, default="dc.creator", blank=True, validators=[_INDEX]
    )
    isbn_index = models.CharField(
        _("index of ISBNs"), max_length=60, default="bath.isbn", blank=True, validators=[_INDEX]
    )
    any_index = models.CharField(
        _("index of all words"), max_length=60, default="cql.anywhere", blank=True, validators=[_INDEX]
    )
    is_enabled = models.BooleanField(_("in use"), default=True)
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("other catalogue")
        verbose_name_plural = _("other catalogues")
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(version__in=["1.1", "1.2"]), name="sru_version_is_spoken"),
            models.CheckConstraint(
                condition=Q(format__in=["auto", "marc21", "unimarc", "rusmarc"]), name="target_format_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(title_index="", author_index="", isbn_index="", any_index=""),
                name="target_has_an_index",
                violation_error_message=_("Name at least one index: otherwise it cannot be searched."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The address has neither a query nor a password."""
        super().clean()
        if any(sign in self.url for sign in "?#@"):
            raise ValidationError({"url": _("Give the address without a query, a fragment and a user's name.")})

    def indexes(self) -> dict[str, Any]:
        """What can be searched -> index, with its relation where one is named."""
        named = {"title": self.title_index, "author": self.author_index, "isbn": self.isbn_index, "any": self.any_index}
        return {name: index for name, index in named.items() if index}
