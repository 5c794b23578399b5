"""The desk in a real Chromium, by keyboard and scanner alone: what a scanner types ends with Enter."""

import pytest
from django.utils import timezone

from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderBlockFactory, ReaderFactory
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, DefaultRuleFactory, ReaderCategoryFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def library():
    """A branch, two readers and five copies with barcodes 1 to 5."""
    DefaultRuleFactory()
    branch, category = BranchFactory(name="Центр"), ReaderCategoryFactory(name="Взрослые")
    readers = [
        ReaderFactory(full_name=name, card_number=card, category=category, home_branch=branch)
        for name, card in (("Вера Читатель", "R000001"), ("Глеб Сосед", "R000002"))
    ]
    copies = [
        CopyFactory(book=BookFactory(title=f"Том {n}"), branch=branch, barcode=f"BC-{n}", inventory_number=f"ИНВ-{n}")
        for n in range(1, 6)
    ]
    return {"branch": branch, "readers": readers, "copies": copies}


@pytest.fixture
def at_desk(visit, library):
    """A function: open the desk in English as a new user made by the factory."""

    def open_desk(factory=LibrarianFactory, path="/admin/desk/", **options):
        visitor = visit(factory(language="en"), language="en", **options)
        visitor.go(path)
        return visitor

    return open_desk


def type_scan(page, code):
    """What a scanner does: it types at once and presses Enter, wherever the focus is."""
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def loans_of(reader):
    return sorted(Loan.objects.open().filter(reader=reader).values_list("copy__barcode", flat=True))


def test_a_reader_is_served_without_touching_the_mouse(at_desk, library):
    visitor = at_desk()
    page, (vera, gleb) = visitor.page, library["readers"]
    type_scan(page, "R000001")
    page.get_by_role("heading", name="Вера Читатель").wait_for()
    type_scan(page, "BC-1")
    page.locator(".slip__line--good", has_text="Том 1").wait_for()
    type_scan(page, "bc-1")
    page.locator(".slip__line--info", has_text="already").wait_for()
    type_scan(page, "ИНВ-2")
    page.locator(".slip__line--good", has_text="Том 2").wait_for()
    assert loans_of(vera) == ["BC-1", "BC-2"]
    assert page.evaluate("document.activeElement.id") == "code"
    assert page.input_value("#code") == ""
    assert "Том 2" in page.inner_text("#desk-said")

    page.keyboard.press("F8")
    page.locator(".slip__line", has_text="Renewed.").nth(1).wait_for()
    assert set(Loan.objects.values_list("renewals", flat=True)) == {1}

    type_scan(page, "R000002")
    page.get_by_role("heading", name="Глеб Сосед").wait_for()
    assert page.locator(".slip__line").count() == 0
    assert str(gleb.uid) in page.url
    page.keyboard.press("Escape")
    page.get_by_text("Ready for the next reader").wait_for()

    page.keyboard.press("F4")
    page.get_by_text("Ready to take copies back").wait_for()
    type_scan(page, "BC-1")
    page.locator(".slip__line--good", has_text="Вера Читатель").wait_for()
    type_scan(page, "BC-1")
    page.locator(".slip__line--info", has_text="was not on loan").wait_for()
    assert loans_of(vera) == ["BC-2"]
    page.keyboard.press("F2")
    page.get_by_text("Ready for the next reader").wait_for()
    assert visitor.faults == []


def test_a_scanner_may_run_ahead_of_the_network(at_desk, library):
    """Cards, copies and changes of the desk typed in one go end up with the right readers, in their order."""
    visitor = at_desk()
    page, (vera, gleb) = visitor.page, library["readers"]
    for code in ("R000001", "BC-1", "BC-2", "BC-3"):
        type_scan(page, code)
    page.keyboard.press("Escape")
    for code in ("R000002", "BC-4"):
        type_scan(page, code)
    page.keyboard.press("F4")
    type_scan(page, "BC-2")
    page.keyboard.press("F2")
    for code in ("R000002", "BC-5"):
        type_scan(page, code)
    page.locator(".slip__line--good", has_text="Том 5").wait_for()
    assert (loans_of(vera), loans_of(gleb)) == (["BC-1", "BC-3"], ["BC-4", "BC-5"])
    assert visitor.faults == []


def test_no_letter_of_a_scan_is_lost_when_the_focus_is_elsewhere(at_desk, library):
    visitor = at_desk()
    page, vera = visitor.page, library["readers"][0]
    page.evaluate("document.activeElement.blur()")
    type_scan(page, "R000001")
    page.get_by_role("heading", name="Вера Читатель").wait_for()
    page.get_by_role("link", name="another branch").focus()
    type_scan(page, "BC-1")
    page.locator(".slip__line--good", has_text="Том 1").wait_for()
    assert loans_of(vera) == ["BC-1"]
    assert visitor.faults == []


def test_a_note_is_not_torn_away_by_the_answer_to_an_earlier_scan(at_desk, library):
    visitor = at_desk(AdminFactory)
    page = visitor.page
    for code in ("R000001", "BC-1", "BC-2", "BC-3", "BC-4"):
        type_scan(page, code)
    page.get_by_text("The limit of loans is reached: 3 of 3.").nth(0).wait_for()
    held = []
    page.route("**/admin/desk/scan/", lambda route: held.append(route), times=1)
    with page.expect_request("**/admin/desk/scan/"):
        type_scan(page, "no-such")
    page.keyboard.press("F9")
    page.keyboard.type("Экзамен")
    with page.expect_response("**/admin/desk/scan/"):
        held[0].continue_()
    type_scan(page, " завтра")
    page.locator(".slip__line--good", has_text="Том 4").wait_for()
    assert AuditEntry.objects.filter(action="circulation.check_out").latest("pk").detail["note"] == "Экзамен завтра"
    assert visitor.faults == []


def test_a_limit_is_explained_and_overridden_with_a_note(at_desk, library):
    visitor = at_desk(AdminFactory)
    page, vera = visitor.page, library["readers"][0]
    for code in ("R000001", "BC-1", "BC-2", "BC-3", "BC-4"):
        type_scan(page, code)
    page.locator("#desk-work").get_by_text("The limit of loans is reached: 3 of 3.").wait_for()
    assert len(loans_of(vera)) == 3
    page.keyboard.press("F9")
    type_scan(page, "Экзамен завтра")
    page.locator(".slip__line--good", has_text="Том 4").wait_for()
    assert loans_of(vera) == ["BC-1", "BC-2", "BC-3", "BC-4"]
    entry = AuditEntry.objects.filter(action="circulation.check_out").latest("pk")
    assert entry.detail["note"] == "Экзамен завтра"
    assert page.evaluate("document.activeElement.id") == "code"
    assert visitor.faults == []


def test_without_javascript_every_scan_is_a_form(at_desk, library):
    visitor = at_desk(AdminFactory, java_script_enabled=False)
    page, vera = visitor.page, library["readers"][0]
    for code in ("R000001", "BC-1", "BC-2", "BC-3", "BC-4"):
        page.locator("#code").fill(code)
        page.locator("#code").press("Enter")
    page.locator("#desk-work").get_by_text("The limit of loans is reached: 3 of 3.").wait_for()
    page.get_by_label("Why the rule does not count this time").fill("Экзамен")
    page.get_by_role("button", name="Lend anyway").click()
    page.locator(".slip__line--good", has_text="Том 4").wait_for()
    assert len(loans_of(vera)) == 4
    assert visitor.faults == []


def test_a_lost_connection_is_told_and_the_scan_is_sent_later(at_desk, library):
    visitor = at_desk()
    page, vera = visitor.page, library["readers"][0]
    type_scan(page, "R000001")
    page.get_by_role("heading", name="Вера Читатель").wait_for()
    page.context.set_offline(True)
    type_scan(page, "BC-1")
    page.get_by_text("The library cannot be reached").wait_for()
    page.context.set_offline(False)
    page.locator(".slip__line--good", has_text="Том 1").wait_for()
    page.locator("#desk-kept").wait_for(state="hidden")
    assert loans_of(vera) == ["BC-1"]


def test_the_keys_are_told_and_the_last_step_is_undone_by_one(at_desk, library):
    visitor = at_desk()
    page, vera = visitor.page, library["readers"][0]
    page.keyboard.press("?")
    page.get_by_role("dialog", name="The desk by keyboard").wait_for()
    visitor.inspect()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "code"
    for code in ("R000001", "BC-1"):
        type_scan(page, code)
    page.locator(".slip__line--good", has_text="Том 1").wait_for()
    page.keyboard.press("F7")
    page.locator(".slip__line--info", has_text="is undone").wait_for()
    page.locator(".desk__steps summary").click()
    visitor.inspect()
    assert loans_of(vera) == []
    assert visitor.faults == []


def test_sounds_are_turned_off_for_good(at_desk):
    visitor = at_desk()
    button = visitor.page.locator("[data-sound]")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    visitor.page.reload()
    assert visitor.page.locator("[data-sound]").get_attribute("aria-pressed") == "false"
    assert visitor.faults == []


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_state_of_the_desk_is_accessible(visit, library, language):
    """What tests/test_browser_pages.py does not see: several readers to choose from, and lines of every kind."""
    (vera, gleb), copies = library["readers"], library["copies"]
    LoanFactory(copy=copies[0], reader=vera)
    LoanFactory(copy=copies[1], reader=gleb)
    ReaderBlockFactory(reader=vera, starts_on=timezone.localdate())
    visitor = visit(AdminFactory(language=language), language=language)
    page, look = visitor.page, visitor.inspect if language == "ru" else visitor.squeeze
    visitor.go("/admin/desk/?q=вера")
    look()
    visitor.go(f"/admin/desk/reader/{vera.uid}/")
    for code in ("BC-1", "BC-2", "no-such"):
        type_scan(page, code)
    page.locator(".slip__line").nth(2).wait_for()
    look()
    visitor.go("/admin/desk/return/")
    for code in ("BC-1", "BC-1", "no-such"):
        type_scan(page, code)
    page.locator(".slip__line").nth(2).wait_for()
    look()
    assert "\n".join(visitor.faults) == ""
