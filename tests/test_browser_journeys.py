"""The few ways through the library that matter most, walked in a real Chromium."""

import re
from datetime import date

import pytest
from django.core import mail
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Reader, User
from accounts.tests.factories import PASSWORD, LibrarianFactory, ReaderFactory
from catalog.models import Contribution, Copy
from catalog.search import index_books
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory
from circulation.models import Loan
from policies.tests.factories import BranchFactory, DefaultRuleFactory, ReaderCategoryFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def branch():
    DefaultRuleFactory()
    return BranchFactory(name="Центральная библиотека")


def test_a_stranger_becomes_a_reader_on_a_phone(visit, branch):
    ReaderCategoryFactory(name="Взрослые", is_default=True)
    visitor = visit(None, language="en", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = visitor.go(reverse("account_signup"))
    page.locator("#id_full_name").fill("Наташа Ростова")
    page.locator("#id_email").fill("natasha@example.org")
    page.locator("#id_password1").fill("Otradnoe-1811")
    page.locator("[data-show-password]").click()
    assert page.locator("#id_password1").get_attribute("type") == "text"
    page.locator("#id_birth_date").fill("1992-08-26")
    page.locator("#id_consent").check()
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(f"**{reverse('account_email_verification_sent')}")
    [link] = re.findall(r"http\S+confirm-email\S+", mail.outbox[0].body)
    page.goto(link)
    page.locator("main form button").click()
    page.goto(visitor.base + reverse("account_login"))
    page.locator("#id_login").fill("natasha@example.org")
    page.locator("#id_password").fill("Otradnoe-1811")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('profile')}")
    reader = Reader.objects.get(user=User.objects.get(email="natasha@example.org"))
    expect(page.locator(".library-card__number")).to_have_text(reader.card_number)
    assert reader.birth_date == date(1992, 8, 26)
    assert visitor.faults == []


def test_a_librarian_lends_and_takes_back_by_keyboard_alone(visit, branch):
    LibrarianFactory(email="maria@example.org")
    reader = ReaderFactory(card_number="2900000000018", home_branch=branch)
    copy = CopyFactory(branch=branch, barcode="BC-77")
    visitor = visit(None)
    page = visitor.go(reverse("desk"))
    keys = page.keyboard

    page.locator("#id_login").focus()
    keys.type("maria@example.org")
    keys.press("Tab")
    page.locator("#id_password").focus()
    keys.type(PASSWORD)
    keys.press("Enter")
    page.wait_for_url(f"**{reverse('desk')}")
    expect(page.locator("#code")).to_be_focused()

    keys.type("2900000000018")
    keys.press("Enter")
    expect(page.locator("#reader-name")).to_have_text(reader.full_name)
    expect(page.locator("#code")).to_be_focused()
    keys.type("BC-77")
    keys.press("Enter")
    expect(page.locator("#desk-work .stamp").first).to_be_visible()
    loan = Loan.objects.get(copy=copy, reader=reader)
    assert loan.returned_at is None

    keys.press("F4")
    page.wait_for_url(f"**{reverse('desk_return')}")
    expect(page.locator("#code")).to_be_focused()
    keys.type("bc-77")
    keys.press("Enter")
    expect(page.locator("#desk-said")).not_to_be_empty()
    loan.refresh_from_db()
    assert loan.returned_at is not None
    copy.refresh_from_db()
    assert copy.status == Copy.Status.AVAILABLE
    assert visitor.faults == []


def test_a_visitor_finds_a_book_and_sees_where_it_stands(visit, branch):
    book = BookFactory(title="Преступление и наказание")
    Contribution.objects.create(book=book, author=AuthorFactory(name="Достоевский, Фёдор Михайлович"))
    CopyFactory(book=book, branch=branch)
    index_books([book.pk])
    visitor = visit(None)
    page = visitor.go(reverse("home"))
    page.locator("main input[name=q]").fill("достоевский преступление")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('search')}?**")
    page.get_by_role("link", name="Преступление и наказание").first.click()
    page.wait_for_url(f"**{reverse('book', args=[book.uid])}")
    expect(page.locator("h1")).to_contain_text("Преступление и наказание")
    expect(page.locator("main")).to_contain_text("Центральная библиотека")
    assert visitor.faults == []


def test_the_theme_is_chosen_at_once_and_kept(visit, branch):
    visitor = visit(None, language="en", color_scheme="light")
    page = visitor.go(reverse("account_login"))
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(245, 246, 242)"
    page.get_by_title("Appearance").click()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(paper) == "rgb(14, 21, 18)"
    page.reload()
    assert page.evaluate(paper) == "rgb(14, 21, 18)"
    page.get_by_title("Appearance").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Dark")).to_be_hidden()
    assert visitor.faults == []


def test_without_javascript_theme_and_language_work_too(visit, branch):
    visitor = visit(None, language="en", java_script_enabled=False)
    page = visitor.go(reverse("account_login"))
    page.get_by_title("Appearance").click()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.locator("button[name=language][value=ru]").click()
    assert page.locator("html").get_attribute("lang") == "ru"
    assert page.url.endswith(reverse("account_login"))


def test_the_first_tab_skips_to_the_content(visit, branch):
    visitor = visit(None)
    page = visitor.go(reverse("account_reset_password_done"))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
