"""The service worker in a real browser: what is pushed is shown, and opens its page."""

import json

import pytest

from accounts.tests.factories import ReaderFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  for (let turn = 0; turn < 100; turn += 1) {
    const shown = await registration.getNotifications();
    const told = shown.map(({ title, body, tag, lang, data }) => ({ title, body, tag, lang, url: data.url }));
    if (told.length) return told;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return [];
}"""


@pytest.fixture
def browser(whole_browser):
    """One that shows notifications."""
    return whole_browser()


def test_a_pushed_letter_is_shown_by_the_browser(visit, live_server):
    visitor = visit(ReaderFactory(signs_in=True).user, permissions=["notifications"])
    page = visitor.go("/my/")
    browser = page.context.new_cdp_session(page)
    registrations = []
    browser.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    browser.send("ServiceWorker.enable")
    page.evaluate("() => navigator.serviceWorker.register('/push-worker.js').then(() => navigator.serviceWorker.ready)")
    letter = {
        "title": "«Война и мир» ждёт вас",
        "body": "До пятницы",
        "url": "/my/reservations/",
        "tag": "1",
        "language": "ru",
    }
    known = [one for one in registrations if one["scopeURL"] == f"{live_server.url}/"]
    browser.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": live_server.url, "registrationId": known[0]["registrationId"], "data": json.dumps(letter)},
    )
    assert page.evaluate(SHOWN) == [
        {"title": "«Война и мир» ждёт вас", "body": "До пятницы", "tag": "1", "lang": "ru", "url": "/my/reservations/"}
    ]
    assert visitor.faults == []
