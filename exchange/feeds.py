"""What browsers and feed readers take: the search for the address bar, and the newest titles."""

from django.conf import settings
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.availability import main_names
from catalog.marc.writing import xml_plain
from catalog.models import Book
from exchange.records import element

NEW_TITLES = 50
"""Entries of the feed."""


def open_search() -> str:
    """The OpenSearch description: how a browser searches the catalogue from its address bar."""
    address = f"{settings.LIBRARY_URL}{reverse('search')}?q={{searchTerms}}"
    sru = f"{settings.LIBRARY_URL}{reverse('sru')}?operation=searchRetrieve&version=1.2&query={{searchTerms}}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        + element("ShortName", settings.LIBRARY_NAME[:16])
        + element("LongName", settings.LIBRARY_NAME[:48])
        + element("Description", _("Search the catalogue"))
        + element("InputEncoding", "UTF-8")
        + element("Url", "", type="text/html", template=address)
        + element("Url", "", type="application/sru+xml", template=sru)
        + "</OpenSearchDescription>\n"
    )


def new_titles() -> str:
    """The Atom feed of the books that came last; two statements and one for the names."""
    books = list(Book.objects.order_by("-created_at", "-pk").prefetch_related("contributions__author")[:NEW_TITLES])
    feed = Atom1Feed(
        title=_("New in the library") + f" · {settings.LIBRARY_NAME}",
        link=f"{settings.LIBRARY_URL}{reverse('search')}?sort=newest",
        description=_("The newest titles of the catalogue."),
        feed_url=f"{settings.LIBRARY_URL}{reverse('new_titles')}",
        language=get_language(),
    )
    for book in books:
        names = ", ".join(main_names(book))
        feed.add_item(
            title=xml_plain(f"{names}. {book.title}" if names else book.title),
            link=f"{settings.LIBRARY_URL}{reverse('book', args=[book.uid])}",
            description=xml_plain(book.description[:500] or book.subtitle or book.title),
            unique_id=f"urn:uuid:{book.uid}",
            pubdate=book.created_at,
            updateddate=book.updated_at,
            author_name=xml_plain(names) or None,
        )
    written: str = feed.writeString("utf-8")
    return written
