"""The desk in a real Chromium that has lost the library: nothing scanned is lost, nothing counts twice."""

import pytest
from django.test import Client

from accounts.tests.factories import LibrarianFactory
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry
from tests.test_browser_desk import at_desk, library, loans_of, type_scan  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

IS_KEPT = """async () => {
    const store = await caches.open("desk-1");
    while (!(await store.match("/admin/desk/shell/"))) await new Promise((go) => setTimeout(go, 50));
}"""


def waiting(page, count):
    page.locator("#desk-kept [data-waiting] li").nth(count - 1).wait_for()
    assert page.locator("#desk-kept [data-waiting] li").count() == count


def test_the_desk_goes_on_without_the_library(at_desk, library):  # noqa: F811
    """Three lent, one taken back, one in conflict; reloaded meanwhile, and the tab closed after the library is back."""
    visitor = at_desk()
    page, (vera, gleb), copies = visitor.page, library["readers"], library["copies"]
    LoanFactory.create_batch(1, copy=copies[3], reader=gleb)
    LoanFactory(copy=copies[4], reader=gleb)
    page.evaluate(IS_KEPT)
    page.context.set_offline(True)
    for code in ("R000001", "BC-1", "BC-2", "BC-3", "BC-5"):
        type_scan(page, code)
    waiting(page, 5)
    page.reload()
    waiting(page, 5)
    page.keyboard.press("F4")
    page.get_by_text("Scan the copies that come back").last.wait_for()
    type_scan(page, "BC-4")
    waiting(page, 6)
    visitor.inspect()
    assert loans_of(vera) == []

    page.context.set_offline(False)
    page.locator("#desk-kept [data-conflicts]", has_text="BC-5").wait_for()
    page.locator("#desk-tabs [aria-current]", has_text="Take back").wait_for()
    assert page.locator("#desk-kept [data-waiting] li").count() == 0
    assert (loans_of(vera), loans_of(gleb)) == (["BC-1", "BC-2", "BC-3"], ["BC-5"])
    assert Loan.objects.count() == 5
    visitor.inspect()
    visitor.go("/admin/desk/")
    conflict = page.locator("#desk-kept [data-conflicts] li")
    conflict.wait_for()
    assert "on loan to another reader" in conflict.inner_text()
    page.get_by_role("button", name="Dealt with").click()
    conflict.wait_for(state="detached")
    visitor.go("/admin/desk/")
    assert not page.locator("#desk-kept").is_visible()
    assert [fault for fault in visitor.faults if "ERR_INTERNET_DISCONNECTED" not in fault] == []


def test_a_colleague_finds_what_was_left_behind(at_desk, library, live_server):  # noqa: F811
    visitor = at_desk()
    page, vera = visitor.page, library["readers"][0]
    page.evaluate(IS_KEPT)
    page.context.set_offline(True)
    type_scan(page, "R000001")
    type_scan(page, "BC-1")
    waiting(page, 2)
    maker = page.locator("#desk-kept [data-waiting] [data-slot=by]").first.inner_text()
    context = page.context
    page.close()
    colleague = Client()
    colleague.force_login(LibrarianFactory(language="en"))
    session = colleague.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    context.set_offline(False)
    page = context.new_page()
    page.goto(live_server.url + "/admin/desk/")
    page.get_by_text(maker).first.wait_for()
    assert loans_of(vera) == []
    page.get_by_role("button", name="Send them").click()
    page.locator(".slip__line--good", has_text="Том 1").wait_for()
    page.locator("#desk-kept").wait_for(state="hidden")
    assert loans_of(vera) == ["BC-1"]
    assert AuditEntry.objects.get(action="desk.late_scan").detail["scanned_by"] == maker
