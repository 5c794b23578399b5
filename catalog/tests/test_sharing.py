"""What a book's page tells programs: linked data, previews, citations as files, covers, sitemaps, robots.txt."""

import json
import re
from datetime import UTC, datetime

import pytest
from defusedxml import ElementTree
from django.urls import reverse
from PIL import Image

from catalog import sitemaps
from catalog.cover_images import put_cover
from catalog.models import Book, Contribution, Copy
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory, PublisherFactory, SeriesFactory
from policies.tests.factories import BranchFactory

pytestmark = pytest.mark.django_db
HERE = "http://127.0.0.1:8000"
SITEMAPS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture
def idiot():
    book = BookFactory(
        title="The Idiot </script><b>",
        subtitle="a novel",
        year=2003,
        language="eng",
        publisher=PublisherFactory(name="Granta"),
        series=SeriesFactory(name="Classics"),
        authors=["Dostoyevsky, Fyodor"],
        isbns=["9781862076006"],
        genres=["novel"],
        subjects=["Epilepsy"],
        pages="xxxiii, 633 p.",
        description="A prince & his ruin.",
    )
    Contribution.objects.create(book=book, author=AuthorFactory(name="Pevear, Richard"), role="translator", position=1)
    return book


def page_of(client, book):
    return client.get(reverse("book", args=[book.uid])).content.decode()


def linked_data(page):
    return json.loads(re.search(r'<script type="application/ld\+json" nonce="[^"]+">(.*?)</script>', page)[1])


def test_linked_data(english, idiot):
    centre = BranchFactory(name="Centre", address="1, Main Street")
    north = BranchFactory(name="North", address="")
    CopyFactory(book=idiot, branch=centre)
    CopyFactory(book=idiot, branch=centre, is_reference_only=True)
    CopyFactory(book=idiot, branch=north, status=Copy.Status.LOANED)
    found = linked_data(page_of(english, idiot))
    offers = found.pop("offers")
    author, translator = idiot.authors.order_by("contributions__position")
    assert found == {
        "@context": "https://schema.org",
        "@type": "Book",
        "@id": f"{HERE}/books/{idiot.uid}/",
        "url": f"{HERE}/books/{idiot.uid}/",
        "name": "The Idiot </script><b>: a novel",
        "author": [{"@type": "Person", "name": "Fyodor Dostoyevsky", "url": f"{HERE}/authors/{author.pk}/"}],
        "translator": [{"@type": "Person", "name": "Richard Pevear", "url": f"{HERE}/authors/{translator.pk}/"}],
        "inLanguage": "en",
        "datePublished": "2003",
        "publisher": {"@type": "Organization", "name": "Granta"},
        "genre": ["novel"],
        "about": [{"@type": "Thing", "name": "Epilepsy"}],
        "description": "A prince & his ruin.",
        "isPartOf": {"@type": "CreativeWorkSeries", "name": "Classics"},
        "isbn": ["9781862076006"],
        "numberOfPages": 633,
    }
    assert [(offer["availability"], offer["inventoryLevel"]["value"]) for offer in offers] == [
        ("https://schema.org/InStock", 1),
        ("https://schema.org/OutOfStock", 0),
    ]
    assert offers[0]["availableAtOrFrom"] == {"@type": "Library", "name": "Centre", "address": "1, Main Street"}
    assert offers[0]["businessFunction"] == "http://purl.org/goodrelations/v1#LeaseOut"


def test_previews_of_links(english, idiot, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    page = page_of(english, idiot)
    assert '<meta property="og:title" content="The Idiot &lt;/script&gt;&lt;b&gt; – Fyodor Dostoyevsky">' in page
    assert f'<meta property="og:url" content="{HERE}/books/{idiot.uid}/">' in page
    assert '<meta property="book:isbn" content="9781862076006">' in page
    assert "og:image" not in page
    put_cover(idiot, Image.new("RGB", (700, 1000), "navy"))
    page = page_of(english, idiot)
    image = re.search(
        r'<meta property="og:image" content="http://127.0.0.1:8000(/covers/[^"]+-640\.webp\?v=\w+)">', page
    )
    assert linked_data(page)["image"] == f"{HERE}{image[1]}"
    assert english.get(image[1])["Cache-Control"] == "public, max-age=31536000, immutable"
    assert english.get(image[1] + "0")["Cache-Control"] == "public, max-age=3600"


def test_citations_on_the_page_and_as_files(english, idiot, django_assert_num_queries):
    page = page_of(english, idiot)
    assert "Dostoyevsky F. The Idiot &lt;/script&gt;&lt;b&gt; : a novel / transl. R. Pevear. Granta, 2003." in page
    assert "Dostoyevsky, F. (2003). The Idiot &lt;/script&gt;&lt;b&gt;: a novel (R. Pevear, Trans.). Granta." in page
    with django_assert_num_queries(1):
        ris = english.get(reverse("citation_ris", args=[idiot.uid]))
    assert ris["Content-Type"] == "application/x-research-info-systems; charset=utf-8"
    assert ris["Content-Disposition"] == 'attachment; filename="dostoyevsky2003.ris"'
    assert ris.content.decode().startswith("TY  - BOOK\r\nAU  - Dostoyevsky, Fyodor\r\n")
    bibtex = english.get(reverse("citation_bibtex", args=[idiot.uid])).content.decode()
    assert bibtex.startswith("@book{dostoyevsky2003,\n")
    assert f"url = {{{HERE}/books/{idiot.uid}/}}" in bibtex


def test_an_imported_article_is_cited_with_its_journal(english):
    article = BookFactory(
        title="К логике социальных наук",
        authors=["Адорно, Теодор"],
        year=1992,
        material_type="article",
        description="// Вопросы философии. — 1992. — № 10. — С. 76-86",
    )
    assert "Адорно Т. К логике социальных наук // Вопросы философии. 1992. № 10. С. 76–86." in page_of(english, article)


def test_the_sitemap_leads_to_every_book_and_author(client, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(sitemaps, "KEYS", 10)
    books = [BookFactory(authors=[f"Автор {number}"]) for number in range(25)]
    Book.objects.filter(pk=books[3].pk).update(updated_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    with django_assert_num_queries(2):
        index = ElementTree.fromstring(client.get("/sitemap.xml").content)
    files = [place.text.removeprefix(HERE) for place in index.iter(f"{SITEMAPS}loc")]
    entries = {}
    for file in files:
        tree = ElementTree.fromstring(b"".join(client.get(file).streaming_content))
        found = {entry.findtext(f"{SITEMAPS}loc"): entry.findtext(f"{SITEMAPS}lastmod") for entry in tree}
        assert 1 <= len(found) <= 10
        entries |= found
    assert entries[f"{HERE}/books/{books[3].uid}/"] == "2026-03-02T09:00:00Z"
    assert {f"{HERE}/books/{book.uid}/" for book in books} <= entries.keys()
    assert len(entries) == 50
    assert client.get("/sitemap-readers-0.xml").status_code == 404


def test_an_empty_library_has_a_sitemap(client):
    assert len(ElementTree.fromstring(client.get("/sitemap.xml").content)) == 0


def test_robots_may_visit_books_and_no_endless_combinations(client):
    lines = client.get("/robots.txt").content.decode().splitlines()
    assert f"Sitemap: {HERE}/sitemap.xml" in lines
    assert {"Disallow: /search/?*&", "Disallow: /search/?q=", "Disallow: /suggestions/"} <= set(lines)
    assert not any(line.startswith("Disallow: /books/") and "citation" not in line for line in lines)
