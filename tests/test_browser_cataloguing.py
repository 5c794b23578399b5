"""Cataloguing in a real Chromium: merges and batch changes with their undo, a stocktake, a duplicate on saving."""

import pytest
from django.urls import reverse
from django.utils import timezone

import stocktaking.actions
from accounts.tests.factories import AdminFactory, LibrarianFactory
from catalog.models import Author, Book
from catalog.search import index_books
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory
from policies.tests.factories import BranchFactory
from stocktaking.models import Outcome

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_books_are_merged_by_keyboard_and_parted_again(visit):
    kept = BookFactory(title="Бесы", description="Роман-предупреждение.", year=1872)
    gone = BookFactory(title="Бесы", subtitle="роман в трёх частях", year=1871)
    copy = CopyFactory(book=gone)
    visitor = visit(AdminFactory(), language="ru")
    page = visitor.go(f"{reverse('admin:catalog_merge_books')}?id={kept.pk}&id={gone.pk}")
    visitor.inspect()
    year = page.locator(f"input[name=year][value='{kept.pk}']")
    year.focus()
    page.keyboard.press("ArrowRight")
    page.locator("button[name=merge]").focus()
    page.keyboard.press("Enter")
    page.locator(".alert--success").wait_for()
    kept.refresh_from_db()
    copy.refresh_from_db()
    assert (kept.year, kept.subtitle, copy.book_id) == (1871, "роман в трёх частях", kept.pk)
    assert not Book.objects.filter(pk=gone.pk).exists()
    page.locator("button[form=undo]").focus()
    page.keyboard.press("Enter")
    page.locator(".alert--success").wait_for()
    copy.refresh_from_db()
    assert copy.book.title == "Бесы"
    assert copy.book.uid == gone.uid
    assert visitor.faults == []


def test_authors_are_merged_and_parted_again(visit):
    kept, gone = AuthorFactory(name="Чехов, Антон Павлович"), AuthorFactory(name="Чехов, А. П.")
    visitor = visit(AdminFactory(), language="en")
    page = visitor.go(f"{reverse('admin:catalog_merge_authors')}?id={kept.pk}&id={gone.pk}")
    visitor.inspect()
    page.locator("button[name=merge]").click()
    page.locator(".alert--success").wait_for()
    assert list(Author.objects.values_list("name", flat=True)) == ["Чехов, Антон Павлович"]
    page.locator("button[form=undo]").click()
    page.locator(".alert--success").wait_for()
    assert Author.objects.count() == 2
    assert visitor.faults == []


def test_a_field_of_many_books_is_changed_after_a_look_and_changed_back(visit):
    books = [BookFactory(title=f"Книга {number}", place="Ленинград") for number in (1, 2)]
    visitor = visit(AdminFactory(), language="en")
    page = visitor.go(reverse("admin:catalog_book_changelist"))
    for box in page.locator("input[name=_selected_action]").all():
        box.check()
    page.locator("select[name=action]").select_option("change_many")
    page.locator("select[name=action]").locator("xpath=ancestor::form").locator("button[name=index]").first.click()
    page.locator("#batch-field").select_option("place")
    page.locator("#batch-field").press("Enter")
    page.get_by_role("button", name="Choose").click()
    page.locator("#id_value").fill("Петербург")
    page.keyboard.press("Enter")
    page.locator("#preview").wait_for()
    assert page.locator("ins").all_inner_texts() == ["Петербург", "Петербург"]
    assert set(Book.objects.values_list("place", flat=True)) == {"Ленинград"}
    visitor.inspect()
    page.get_by_role("button", name="Change them all").click()
    undo = page.get_by_role("button", name="Undo this change")
    undo.wait_for()
    assert set(Book.objects.values_list("place", flat=True)) == {"Петербург"}
    visitor.inspect()
    undo.click()
    undo.wait_for(state="detached")
    assert set(Book.objects.values_list("place", flat=True)) == {"Ленинград"}
    assert len(books) == 2
    assert visitor.faults == []


def test_a_shelf_is_counted_by_scanner(visit):
    branch = BranchFactory()
    here = CopyFactory(branch=branch, barcode="2800000000011", shelf_mark="84 А")
    CopyFactory(branch=branch, barcode="2800000000028", shelf_mark="84 Б")
    CopyFactory(branch=BranchFactory(), barcode="2800000000035")
    stocktake = stocktaking.actions.start(branch=branch, by=None, now=timezone.now())
    visitor = visit(LibrarianFactory(), language="ru")
    page = visitor.go(reverse("stocktake", args=[stocktake.uid]))
    for number, (code, tone) in enumerate(
        [("2800000000011", "good"), ("2800000000035", "warn"), ("НЕТ", "bad")], start=1
    ):
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        page.locator(f".slip__line:nth-child(1):nth-last-child({number})").wait_for()
        assert page.locator(".slip__line").first.get_attribute("data-tone") == tone
    assert page.locator(".tile__value").all_inner_texts() == ["3", "1", "2"]
    assert page.evaluate("document.activeElement.id") == "code"
    visitor.inspect()
    assert set(stocktake.findings.filter(scanned_at__isnull=False).values_list("outcome", "copy")) >= {
        (Outcome.FOUND, here.pk)
    }
    page.locator(".tile[href$=report\\/]").click()
    page.get_by_role("button", name="Отметить как утерянный").click()
    page.locator(".alert--success").wait_for()
    visitor.inspect()
    assert visitor.faults == []


def test_a_probable_duplicate_is_shown_before_saving(visit):
    known = BookFactory(title="Ёлка у Ивановых", authors=["Введенский, Александр"], year=1938)
    index_books([known.pk])
    visitor = visit(LibrarianFactory(), language="ru")
    page = visitor.go(reverse("admin:catalog_book_add"))
    page.locator("#id_title").focus()
    page.keyboard.type("Елка у Ивановых!")
    page.locator("#id_year").focus()
    page.keyboard.type("1938")
    page.keyboard.press("Enter")
    page.locator("input[name=save_anyway]").wait_for()
    assert page.get_by_role("link", name="Ёлка у Ивановых").count() == 1
    visitor.inspect()
    page.locator("input[name=save_anyway]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.locator(".alert--success").wait_for()
    assert Book.objects.count() == 2
    assert visitor.faults == []
