"""Looking up in a real Chromium: a form filled by ISBN by keyboard alone, a record copied from another catalogue."""

import pytest

from accounts.tests.factories import LibrarianFactory
from catalog.models import Book
from lookup.models import Target
from lookup.tests.conftest import world  # noqa: F401 - a fixture
from lookup.tests.recorded import GOOGLE, NO_VOLUMES, OPEN_LIBRARY, ZEN, zen
from lookup.tests.sru_for_tests import diagnostic, marc21, objections, response

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_scan_check_save(visit, world):  # noqa: F811 - the fixture
    zen(world)
    visitor = visit(LibrarianFactory(), language="en")
    page = visitor.go("/admin/catalog/book/add/")
    page.locator("#id_title").fill("Zen speaks, my own title")
    page.locator("#lookup-isbn").focus()
    page.keyboard.type("0385472579")
    page.keyboard.press("Enter")
    page.locator(".lookup-cover").wait_for()
    assert page.locator("#lookup-said").inner_text() == "Found in: Open Library, Google Books."

    assert page.locator("#id_title").input_value() == "Zen speaks, my own title"
    offer = page.locator(".field-title .lookup-offer")
    assert offer.inner_text().split("\n")[0] == "Replace with “Zen speaks”"
    assert page.locator("#id_subtitle").input_value() == "shouts of nothingness"
    assert page.locator(".field-subtitle .lookup-badge").inner_text() == "Open Library"
    assert page.locator("#id_year").input_value() == "1994"
    assert page.locator("#id_publisher").input_value() == "new:Anchor Books"
    assert page.locator("#id_isbns-0-value").input_value() == "978-0-385-47257-9"
    assert page.locator("#id_contributions-1-role").input_value() == "translator"
    visitor.inspect()

    offer.focus()
    page.keyboard.press("Enter")
    assert page.locator("#id_title").input_value() == "Zen speaks"
    assert "Back to" in page.locator(":focus").inner_text()

    page.keyboard.press("Tab")
    page.locator("input[name=_save]").focus()
    page.keyboard.press("Enter")
    page.locator(".alert--success").wait_for()
    book = Book.objects.get()
    assert (book.title, book.year, str(book.publisher), book.language) == ("Zen speaks", 1994, "Anchor Books", "eng")
    assert [part.author.name for part in book.contributions.all()] == [
        "Cai, Zhizhong",
        "Bruya, Brian",
        "Chung, Tsai Chih",
    ]
    assert [number.value for number in book.isbns.all()] == [ZEN]
    assert book.cover.name.endswith(".webp")
    assert visitor.faults == []


def test_unknown_then_by_hand(visit, world):  # noqa: F811 - the fixture
    world.says(OPEN_LIBRARY, "{}")
    world.says(GOOGLE, NO_VOLUMES)
    visitor = visit(LibrarianFactory(), language="ru")
    page = visitor.go("/admin/catalog/book/add/")
    page.keyboard.type(ZEN)
    page.keyboard.press("Enter")
    page.locator("#lookup-said[data-tone=warn]").wait_for()
    assert page.locator("#id_isbns-0-value").input_value() == "978-0-385-47257-9"
    visitor.inspect()
    page.locator("#id_title").fill("Дзэн говорит")
    page.keyboard.press("Enter")
    page.locator(".alert--success").wait_for()
    assert Book.objects.get().title == "Дзэн говорит"
    assert visitor.faults == []


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_record_of_another_catalogue(visit, world, settings, language):  # noqa: F811 - the fixture
    settings.LOOKUP_PRIVATE_ADDRESSES = True
    Target.objects.create(name="Congress", url=f"{world.url}/loc")
    Target.objects.create(name="France", url=f"{world.url}/bnf")
    record = marc21("1", "Zen speaks", "Cai, Zhizhong", isbn="0385472579")
    world.says("/loc", response(record, total=12), kind="text/xml")
    world.says("/bnf", response(diagnostics=objections(diagnostic(16))), kind="text/xml")
    visitor = visit(LibrarianFactory(), language=language)
    page = visitor.go("/admin/other-catalogues/")
    page.locator("#id_title").fill("zen")
    page.keyboard.press("Enter")
    page.locator(".lookup-results").wait_for()
    look = visitor.inspect if language == "ru" else visitor.squeeze
    look()
    page.locator(".lookup-results a").first.click()
    page.locator(".source-record").wait_for()
    look()
    page.locator(".lookup-take button").focus()
    page.keyboard.press("Enter")
    page.locator(".alert--success").wait_for()
    assert Book.objects.get().title == "Zen speaks"
    assert visitor.faults == []
