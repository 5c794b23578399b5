"""The catalogues that a new library can copy from."""

from django.utils.translation import gettext as _

from lookup.models import Target

TARGETS = (
    Target(
        name="Library of Congress",
        url="http://lx2.loc.gov:210/LCDB",
        version="1.1",
        record_schema="marcxml",
        format=Target.Format.MARC21,
        title_index="dc.title",
        author_index="dc.creator",
        isbn_index="bath.isbn",
        any_index="cql.anywhere",
    ),
    Target(
        name="Deutsche Nationalbibliothek",
        url="https://services.dnb.de/sru/dnb",
        version="1.1",
        record_schema="MARC21-xml",
        format=Target.Format.MARC21,
        title_index="tit",
        author_index="per",
        isbn_index="num",
        any_index="woe",
    ),
    Target(
        name="Bibliothèque nationale de France",
        url="https://catalogue.bnf.fr/api/SRU",
        version="1.2",
        record_schema="unimarcxchange",
        format=Target.Format.UNIMARC,
        title_index="bib.title all",
        author_index="bib.author all",
        isbn_index="bib.isbn all",
        any_index="bib.anywhere all",
    ),
    Target(
        name="K10plus",
        url="https://sru.k10plus.de/opac-de-627",
        version="1.1",
        record_schema="marcxml",
        format=Target.Format.MARC21,
        title_index="pica.tit",
        author_index="pica.per",
        isbn_index="pica.isb",
        any_index="pica.all",
    ),
)
"""Public, free, without registration: three national libraries and a union catalogue of German university libraries."""


def create_targets() -> list[str]:
    """Enter the targets where there are none at all; tells which, in sentences. One of the steps of `setup_library`."""
    if Target.objects.exists():
        return []
    made = [
        Target(**{f.name: getattr(target, f.name) for f in Target._meta.fields if f.name not in ("id", "position")})
        for target in TARGETS
    ]
    for position, target in enumerate(made):
        target.position = position
    Target.objects.bulk_create(made)
    return [_("Other catalogue: %(name)s.") % {"name": target.name} for target in made]
