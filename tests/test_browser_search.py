"""Searching in a real Chromium: while typing, with filters, backwards, on a phone, and without JavaScript."""

import pytest
from django.core.cache import cache

from catalog.search import index_books
from catalog.tests.factories import BookFactory, CopyFactory
from policies.tests.factories import BranchFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shelf():
    """Three novels, two of them by Tolstoy, one of those in English."""
    cache.clear()
    branch = BranchFactory(name="Центральная библиотека")
    books = [
        BookFactory(title="Война и мир", authors=["Толстой, Лев"], year=1869),
        BookFactory(title="War and Peace", authors=["Толстой, Лев"], year=1922, language="eng"),
        BookFactory(title="Бесы", authors=["Достоевский, Фёдор"], year=1872),
    ]
    for book in books:
        CopyFactory(book=book, branch=branch)
    index_books(book.pk for book in books)
    return books


def titles(page):
    return [title.strip() for title in page.locator(".book-item__title").all_inner_texts()]


def test_results_follow_the_typing_and_the_address_follows_them(visit, shelf):
    visitor = visit(None, language="en")
    page = visitor.go("/search/")
    page.locator("#id_q").press_sequentially("толст", delay=30)
    page.wait_for_url("**/search/?q=%D1%82%D0%BE%D0%BB%D1%81%D1%82")
    page.locator(".results__count", has_text="2 books").wait_for()
    assert titles(page) == ["War and Peace", "Война и мир"]
    assert page.locator("#found").inner_text() == "2 books"

    page.locator(".facet a", has_text="English").click()
    page.locator(".results__count", has_text="1 book").wait_for()
    assert "language=eng" in page.url
    assert page.locator("#id_q").input_value() == "толст"

    page.locator("#id_q").fill("бесы")
    page.locator(".empty", has_text="бесы").wait_for()
    page.get_by_role("link", name="Search without filters").click()
    page.locator(".results__count", has_text="1 book").wait_for()
    assert titles(page) == ["Бесы"]
    assert visitor.faults == []


def test_back_leads_to_the_search_before(visit, shelf):
    visitor = visit(None, language="en")
    page = visitor.go("/search/?q=толстой")
    page.locator(".facet a", has_text="Russian").click()
    page.locator(".results__count", has_text="1 book").wait_for()
    page.go_back()
    page.locator(".results__count", has_text="2 books").wait_for()
    assert "language" not in page.url
    assert visitor.faults == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_phone_has_the_filters_on_a_sheet(visit, shelf, scripts):
    visitor = visit(None, language="en", viewport={"width": 390, "height": 844}, java_script_enabled=scripts)
    page = visitor.go("/search/?q=толстой")
    sheet = page.locator("#filters")
    assert not sheet.is_visible()
    page.get_by_role("link", name="Filters").click()
    assert sheet.is_visible()
    sheet.get_by_role("link", name="English").click()
    page.locator(".results__count", has_text="1 book").wait_for()
    assert not sheet.is_visible()
    assert titles(page) == ["War and Peace"]
    page.locator(".chip", has_text="English").click()
    page.locator(".results__count", has_text="2 books").wait_for()
    assert visitor.faults == []


def test_everything_works_without_javascript(visit, shelf):
    visitor = visit(None, language="en", java_script_enabled=False)
    page = visitor.go("/")
    page.get_by_role("searchbox").fill("войны")
    page.get_by_role("button", name="Find").click()
    assert titles(page) == ["Война и мир"]
    page.locator(".book-item__title").click()
    assert page.locator("h1").inner_text() == "Война и мир"
    assert "1 of 1 on the shelf" in page.inner_text("main")
    assert visitor.faults == []


def test_suggestions_are_walked_by_keyboard(visit, shelf):
    visitor = visit(None, language="en")
    page = visitor.go("/")
    field = page.get_by_role("combobox", name="Search the catalogue")
    field.press_sequentially("вой", delay=20)
    option = page.get_by_role("option")
    option.first.wait_for()
    assert option.all_inner_texts()[0].split("\n")[0] == "Война и мир"
    assert field.get_attribute("aria-expanded") == "true"
    assert page.locator(".search-box [role=status]").inner_text() == "1 suggestion"
    visitor.inspect()
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == option.first.get_attribute("id")
    assert option.first.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") is None
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    assert not page.get_by_role("listbox").is_visible()
    assert field.input_value() == "вой"
    page.keyboard.press("ArrowDown")
    option.first.wait_for()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/books/{shelf[0].uid}/")

    field.press_sequentially("толст", delay=20)
    option.first.wait_for()
    page.keyboard.press("Enter")
    page.locator(".results__count", has_text="2 books").wait_for()
    assert visitor.faults == []


def test_covers_are_pictures_that_load(visit, shelf):
    visitor = visit(None)
    page = visitor.go(f"/books/{shelf[0].uid}/")
    picture = page.locator(".book-page__cover img")
    picture.wait_for()
    page.wait_for_function("image => image.complete", arg=picture.element_handle())
    assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [400, 600]
    assert visitor.faults == []
