"""The words of letters."""

import pytest

from accounts.tests.factories import ReaderFactory
from notifications.models import Event
from notifications.rendering import render
from notifications.tests.factories import LetterFactory, loan_data
from notifications.unsubscribing import unsubscribe_url

pytestmark = pytest.mark.django_db

CHARGED = {"entry": "1", "what": "fine", "title": "Война и мир", "reason": "", "total_amount": "12.50", "receipt": ""}
PICKUP = {"title": "Война и мир", "authors": "", "branch": "Main branch", "until_on": "2026-11-30", "why": ""}
CLOSED = {"title": "Мать", "branch": "Main branch", "from_on": "2026-11-30", "until_on": "2026-12-02", "why": ""}
FOUND = {"search": "Толстой", "address": "q=1", "books": [{"book": "1", "title": "Мать", "authors": ""}], "more": 3}
SUSPENDED = {"title": "Война и мир", "until_on": "2026-11-30"}
WELCOME = {"card_number": "R000017", "expires_on": "2027-11-20"}


@pytest.fixture(autouse=True)
def the_library(settings):
    settings.LIBRARY_NAME = "Town Library"
    settings.LIBRARY_URL = "https://library.example"


def test_due_soon_letter_in_full():
    letter = LetterFactory(
        reader=ReaderFactory(full_name="Alice Smith"),
        data=[loan_data(), loan_data(title="Emma", authors="", inventory_number="A-18", due_time="18:30")],
    )
    rendered = render(letter)
    assert rendered.subject == "Due Nov. 23, 2026: 2 books"
    assert rendered.text == (
        "Hello, Alice Smith!\n"
        "\n"
        "The loan of these books ends soon. Please bring them back by the days shown. "
        "If you need longer, you can renew them, provided nobody is waiting for them.\n"
        "\n"
        "* Война и мир — Толстой Л. Н.\n"
        "  due Nov. 23, 2026; no. A-17, Main branch\n"
        "* Emma\n"
        "  due Nov. 23, 2026, 6:30 p.m.; no. A-18, Main branch\n"
        "\n"
        "Your loans, and renewal where it is possible:\n"
        "https://library.example/my/\n"
        "\n"
        "-- \n"
        "Town Library\n"
        "https://library.example\n"
        "\n"
        "No more letters of this kind:\n"
        f"{unsubscribe_url(letter.reader, letter.event)}\n"
    )
    assert '<html lang="en">' in rendered.html
    assert "<title>Due Nov. 23, 2026: 2 books</title>" in rendered.html
    assert 'href="https://library.example/my/"' in rendered.html
    assert rendered.html.count("<li>") == 2


@pytest.mark.parametrize(
    ("event", "stage", "data", "subject"),
    [
        (Event.WELCOME, 0, [WELCOME], "Welcome to the library: Town Library"),
        (Event.LOAN_RECEIPT, 0, [loan_data()], "You borrowed: Война и мир, due Nov. 23, 2026"),
        (Event.LOAN_RECEIPT, 0, [loan_data(), loan_data()], "You borrowed 2 books"),
        (Event.DUE_SOON, 0, [loan_data()], "Due Nov. 23, 2026: Война и мир"),
        (Event.OVERDUE, 1, [loan_data()], "Overdue: Война и мир"),
        (Event.OVERDUE, 1, [loan_data(), loan_data()], "2 overdue books"),
        (Event.OVERDUE, 7, [loan_data()], "Still overdue: Война и мир"),
        (Event.OVERDUE, 29, [loan_data(), loan_data()], "2 books still overdue"),
        (Event.OVERDUE, 30, [loan_data()], "Last reminder, please return: Война и мир"),
        (Event.OVERDUE, 30, [loan_data(), loan_data()], "Last reminder, please return 2 books"),
        (Event.LOAN_REMINDER, 10, [loan_data()], "With you from the library: Война и мир"),
        (Event.LOAN_REMINDER, 10, [loan_data(), loan_data()], "With you from the library: 2 books"),
        (Event.AUTO_RENEWAL, 0, [loan_data()], "Renewed for you: Война и мир"),
        (Event.AUTO_RENEWAL_REFUSED, 0, [loan_data(why="Another reader waits.")], "Could not be renewed: Война и мир"),
        (Event.DUE_DATE_MOVED, 0, [loan_data(), loan_data()], "New due dates of 2 books"),
        (Event.PICKUP_MOVED, 0, [PICKUP], "Kept for you longer: Война и мир"),
        (Event.CHARGE, 0, [CHARGED], "Fine: ₽12.50"),
        (Event.CHARGE, 0, [CHARGED, CHARGED], "2 charges"),
        (Event.PAYMENT, 0, [CHARGED | {"what": "payment", "receipt": "centre-2026-000017"}], "Payment: ₽12.50"),
        (Event.RESERVATION_EXPIRING, 0, [PICKUP], "Please collect by Nov. 30, 2026: Война и мир"),
        (Event.QUEUE_MOVED, 0, [PICKUP | {"place": 2}], "Your place in the queue is 2: Война и мир"),
        (Event.BRANCH_CLOSED, 0, [CLOSED], "Closed from Nov. 30, 2026 to Dec. 2, 2026: Main branch"),
        (Event.NEW_BOOKS, 0, [FOUND], "New in the library: Толстой"),
        (Event.MESSAGE, 0, [{"message": "1", "subject": "An evening", "text": "Come\nall."}], "An evening"),
        (Event.SUSPENSION, 0, [SUSPENDED], "You can borrow again after Nov. 30, 2026"),
    ],
)
def test_subjects(event, stage, data, subject):
    rendered = render(LetterFactory(event=event, stage=stage, data=data))
    assert rendered.subject == subject
    assert rendered.text.strip()
    assert f"<title>{subject}</title>" in rendered.html


def test_dates_are_written_in_the_readers_language():
    rendered = render(LetterFactory(language="ru"))
    assert "23 ноября 2026" in rendered.subject
    assert "23 ноября 2026" in rendered.text
    assert '<html lang="ru">' in rendered.html


def test_welcome_names_card_and_validity():
    text = render(LetterFactory(event=Event.WELCOME, stage=0, data=[WELCOME])).text
    assert "Your card number is R000017" in text
    assert "Card valid until Nov. 20, 2027" in text


def test_titles_are_escaped_in_html_alone():
    rendered = render(LetterFactory(data=[loan_data(title="<b>Tom & Jerry</b>")]))
    assert "* <b>Tom & Jerry</b> — " in rendered.text
    assert rendered.subject == "Due Nov. 23, 2026: <b>Tom & Jerry</b>"
    assert "&lt;b&gt;Tom &amp; Jerry&lt;/b&gt;" in rendered.html
    assert "<b>Tom" not in rendered.html


def test_a_title_with_line_breaks_cannot_break_out_of_the_subject():
    assert render(LetterFactory(data=[loan_data(title="One\r\nBcc: all@example.org")])).subject == (
        "Due Nov. 23, 2026: One Bcc: all@example.org"
    )


def test_letters_about_money_and_refusals_say_what_matters():
    paid = CHARGED | {"what": "payment", "receipt": "centre-2026-000017", "reason": "За копии"}
    text = render(LetterFactory(event=Event.PAYMENT, stage=0, data=[paid])).text
    assert "* Payment: ₽12.50 — Война и мир\n  За копии\n  Receipt centre-2026-000017\n" in text
    refused = render(LetterFactory(event=Event.AUTO_RENEWAL_REFUSED, stage=0, data=[loan_data(why="Somebody waits.")]))
    assert "no. A-17, Main branch\n  Somebody waits.\n" in refused.text
    assert "<span>Somebody waits.</span>" in refused.html
