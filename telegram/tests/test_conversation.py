"""What people read in the chat, and what their buttons do, through a server that speaks the Bot API."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from accounts.tests.factories import LibrarianFactory, ReaderFactory
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from policies.models import LendingRule, OpeningHours
from policies.tests.factories import BranchFactory, ClosedDayFactory
from reservations.models import Reservation
from reservations.tests.factories import ReservationFactory
from telegram.conversation import PER_MINUTE
from telegram.models import Chat
from telegram.replies import short
from telegram.tests.conftest import NOW
from telegram.tests.server import Failure

pytestmark = pytest.mark.django_db


def book_with_copy(title, branch, *, by="Толстой, Лев Николаевич", **copy):
    return CopyFactory(book=BookFactory(title=title, year=1978, authors=[by]), branch=branch, **copy)


def lent(title, reader, *, days=4, **loan):
    """A loan of a week that falls due in so many days from NOW."""
    copy = book_with_copy(title, reader.home_branch)
    due = (NOW + timedelta(days=days)).replace(hour=20, minute=59, second=59)
    return LoanFactory(copy=copy, reader=reader, checked_out_at=NOW - timedelta(days=7), due_at=due, **loan)


def test_loans_are_told_and_renewed_by_a_button(telegram, hear, anna, django_assert_max_num_queries):
    war, late = lent("Война & мир <1>", anna), lent("Детство", anna, days=-2)
    with django_assert_max_num_queries(16):
        hear(telegram.says("/loans"))
    assert telegram.text() == (
        "2 things from the library are with you.\n\n"
        "Детство\nЛев Николаевич Толстой\nUntil 18 November 2026 (2 days late)\n\n"
        "Война & мир <1>\nЛев Николаевич Толстой\nUntil 24 November 2026 (due in 4 days)"
    )
    assert telegram.buttons() == [
        ["Renew all that can be"],
        ["Renew: Детство"],
        ["Renew: Война & мир <1>"],
        ["Open on the site"],
    ]
    hear(telegram.taps("Renew: Война"))
    war.refresh_from_db()
    assert (war.renewals, war.due_local.date().isoformat()) == (1, "2026-12-08")
    assert telegram.toast() == "“Война & мир <1>” is yours until 8 December 2026."
    assert "Until 8 December 2026 (due in 18 days)" in telegram.text()
    assert Loan.objects.get(pk=late.pk).renewals == 0
    assert len(telegram.messages) == 1, "the list was changed in its place"


def test_a_button_of_somebody_elses_loan_finds_nothing(telegram, hear, anna):
    other = lent("Чужая книга", ReaderFactory(home_branch=anna.home_branch))
    lent("Своя книга", anna)
    hear(telegram.says("/loans"))
    for data in (
        f"renew:{short(other.uid)}",
        "renew:%%%",
        "renew:",
        "drop!:x",
        "place:x:1",
        "page:x",
        "nonsense",
        "renew:a:b:c",
    ):
        hear(telegram.tap(data, 1))
    other.refresh_from_db()
    assert other.renewals == 0
    assert "Чужая" not in str(telegram.sent)


def test_a_refused_renewal_tells_why(telegram, hear, anna):
    lent("Записки", anna)
    hear(telegram.says("/loans"))
    Loan.objects.update(renewals=2)
    hear(telegram.taps("Renew: Записки"))
    assert telegram.toast() == "“Записки” was not renewed. Renewed 2 times already, of 2 allowed."
    assert "Cannot be renewed now. Renewed 2 times already, of 2 allowed." in telegram.text()
    assert telegram.buttons() == [["Open on the site"]]


def test_an_update_is_dealt_with_once(telegram, hear, anna):
    loan = lent("Записки", anna)
    hear(telegram.says("/loans"))
    tap = telegram.taps("Renew")
    hear(tap)
    hear(tap)
    loan.refresh_from_db()
    assert loan.renewals == 1


def test_search_by_pages_then_reserved_at_a_branch(telegram, hear, anna):
    north = BranchFactory(name="Северный", code="north")
    for number in range(1, 8):
        LoanFactory(copy=book_with_copy(f"Повесть номер {number}", north), reader=anna)
    Loan.objects.update(reader=ReaderFactory(home_branch=north))
    hear(telegram.says("повесть"))
    first = telegram.text()
    assert first.startswith("Search: повесть\nFound: 7, page 1 of 2\n\n1. Повесть номер ")
    assert "Лев Николаевич Толстой\nall copies are out" in first
    assert telegram.buttons() == [["1", "2", "3", "4", "5"], ["Next ›"]]
    hear(telegram.taps("Next"))
    assert telegram.buttons() == [["6", "7"], ["‹ Back"]]
    hear(telegram.taps("6"))
    assert "Северный: 0 on the shelf of 1" in telegram.text()
    assert telegram.buttons() == [["Reserve"], ["Open on the site"], ["Back to the list"]]
    hear(telegram.taps("Reserve"))
    assert telegram.text().startswith("Where would you like to collect Повесть номер ")
    assert [row[0].split(",")[0] for row in telegram.buttons()] == ["Центральная", "Северный", "Do not reserve"]
    hear(telegram.taps("Северный"))
    reservation = Reservation.objects.get()
    assert (reservation.reader, reservation.pickup_branch, reservation.placed_by) == (anna, north, anna.user)
    title = reservation.book.title
    assert telegram.text() == (
        f"{title} is reserved for you, to be collected at Северный. We shall write to you when it is ready."
    )
    hear(telegram.taps("My reservations"))
    assert f"{title}\nYou are number 1 of 1 in the queue; to be collected at Северный." in telegram.text()
    hear(telegram.taps("Cancel: "))
    assert telegram.text() == f"Give up the reservation of {title}?"
    hear(telegram.taps("Yes, cancel it"))
    reservation.refresh_from_db()
    assert (reservation.state, reservation.ended_by) == ("cancelled", anna.user)
    assert telegram.toast() == f"The reservation of “{title}” is cancelled."


def test_what_is_on_the_shelf_is_not_reserved_and_the_reason_is_told(telegram, hear, anna):
    book_with_copy("Казаки", anna.home_branch)
    LendingRule.objects.update(on_shelf="when_all_out")
    hear(telegram.says("казаки"))
    assert "on the shelf: 1 (Центральная)" in telegram.text()
    hear(telegram.taps("1"))
    hear(telegram.taps("Reserve"))
    assert telegram.text() == ("Казаки\n1 copy is on the shelf and can simply be taken; only what is out is reserved.")
    assert not Reservation.objects.exists()


def test_a_reservation_that_is_ready_says_where_and_until_when(telegram, hear, anna):
    ReservationFactory(
        reader=anna,
        copy=(copy := book_with_copy("Хаджи-Мурат", anna.home_branch, status="on_hold_shelf")),
        book=copy.book,
        pickup_branch=anna.home_branch,
        state="ready",
        ready_at=NOW,
        pickup_until=NOW.date() + timedelta(days=3),
    )
    hear(telegram.says("My reservations"))
    assert telegram.text() == "Хаджи-Мурат\nReady: collect it at Центральная until 23 November 2026."


def test_strangers_search_and_see_hours_and_learn_nothing_else(telegram, hear, clock):
    branch = BranchFactory(name="Центральная", address="ул. Мира, 1", phone="+7 4722 12-34-56")
    for weekday in range(5):
        OpeningHours.objects.create(branch=branch, weekday=weekday, opens_at="10:00", closes_at="19:00")
    ClosedDayFactory(branch=branch, starts_on=NOW.date() + timedelta(days=5), ends_on=NOW.date() + timedelta(days=6))
    ClosedDayFactory(branch=branch, starts_on=NOW.date() + timedelta(days=10), ends_on=NOW.date() + timedelta(days=10))
    lent("Отрочество", ReaderFactory(home_branch=branch, full_name="Борис"))
    hear(telegram.says("/hours", chat=900, language="en"))
    assert telegram.text(900) == (
        "Центральная\nул. Мира, 1, +7 4722 12-34-56\nOpen now, until 19:00.\nMon–Fri: 10:00–19:00\nSat–Sun: closed\n"
        "Closed besides: 25 November – 26 November, 30 November."
    )
    hear(telegram.says("отрочество", chat=900, language="en"))
    hear(telegram.taps("1", chat=900, language="en"))
    assert telegram.buttons(900) == [["Open on the site"], ["Back to the list"]]
    for text in ("/loans", "/reservations"):
        hear(telegram.says(text, chat=900, language="en"))
        assert telegram.text(900).startswith("I do not know who you are yet.")
    hear(telegram.tap("reserve:AAAAAAAAAAAAAAAAAAAAAA", 2, chat=900))
    assert "Борис" not in str(telegram.sent)


def test_the_bot_speaks_the_language_of_the_reader_or_of_the_telephone(telegram, hear, anna):
    hear(telegram.says("/hours", language="ru"))
    assert "Центральная" in telegram.text()
    hear(telegram.says("nothing like this", language="ru"))
    assert telegram.text().startswith("Search: nothing like this")
    anna.language = "ru"
    anna.save(update_fields=["language"])
    lent("Записки", anna, days=1)
    hear(telegram.says("/loans", language="en"))
    assert "завтра" in telegram.text()


def test_a_long_list_is_cut_to_what_a_message_holds(telegram, hear, anna):
    for number in range(30):
        lent("Очень длинное название книги о разном " * 4 + str(number), anna)
    hear(telegram.says("/loans"))
    assert telegram.text().endswith("The rest is on the page of your loans.")
    assert len(telegram.buttons()) == 22


def test_too_much_at_once_is_said_once_and_then_ignored(telegram, hear, anna):
    for _ in range(PER_MINUTE + 5):
        hear(telegram.says("/stop it", chat=77, language="en"))
    answers = [there["text"] for (chat, _n), there in telegram.messages.items() if chat == 77]
    assert len(answers) == PER_MINUTE + 1
    assert answers[-1] == "That was a lot at once. Try again in a minute."


def test_a_pause_telegram_asks_for_is_made_and_a_block_is_remembered(telegram, hear, anna):
    telegram.failures.append(Failure(429, "Too Many Requests: retry after 0", retry_after=0))
    hear(telegram.says("/help"))
    assert telegram.text().startswith("Send me a title")
    telegram.blocked.add(501)
    hear(telegram.says("/help"))
    assert Chat.objects.get().blocked_at == NOW
    telegram.blocked.clear()
    hear(telegram.says("/help"))
    assert Chat.objects.get().blocked_at is None
    hear(telegram.blocks())
    assert Chat.objects.get().blocked_at == NOW


@pytest.mark.parametrize("strange", [None, 7, [], {}, {"update_id": 1}, {"update_id": 2, "message": {"text": "x"}}])
def test_strange_updates_are_passed_over(telegram, hear, strange):
    hear(strange)
    assert telegram.sent == []


def test_in_a_group_the_bot_says_nothing_of_anybody(telegram, hear, anna):
    hear(telegram.says("/loans", chat={"id": -5, "type": "group"}))  # no number: passed over
    update = telegram.says("/start")
    update["message"]["chat"] = {"id": -100500, "type": "supergroup"}
    hear(update)
    assert [given["chat_id"] for _method, given in telegram.sent] == [-100500]


def photo_of(code, *, kind=zxingcpp.BarcodeFormat.EAN13):
    """A photograph, somewhat turned, of a label with a barcode."""
    symbol = zxingcpp.create_barcode(code, kind)
    label = Image.fromarray(zxingcpp.write_barcode_to_image(symbol, scale=3)).convert("L")
    table = Image.new("L", (1280, 960), 120)
    table.paste(label, (400, 300))
    file = BytesIO()
    table.rotate(4, fillcolor=120).save(file, "JPEG", quality=70)
    return file.getvalue()


@pytest.fixture
def vera(db, clock):
    """A librarian without a card, linked to chat 601."""
    user = LibrarianFactory(full_name="Вера", language="en")
    Chat.objects.create(user=user, chat_id=601, linked_at=NOW)
    return user


def test_staff_see_the_copy_on_a_photo_and_who_has_it(telegram, hear, vera, anna):
    copy = book_with_copy(
        "Набег", anna.home_branch, barcode="2000000000015", inventory_number="Б-7", shelf_mark="84 Т53"
    )
    LoanFactory(copy=copy, reader=anna, due_at=datetime(2026, 11, 24, 20, 59, 59, tzinfo=UTC))
    telegram.files |= {"label": photo_of("2000000000015"), "dark": photo_of("2000000000022"), "none": b"no picture"}
    sizes = [{"file_id": "thumb", "width": 90, "height": 67}, {"file_id": "label", "width": 1280, "height": 960}]
    hear(telegram.says("", chat=601, photo=sizes))
    assert telegram.text(601) == (
        "Набег\nNo. Б-7, barcode 2000000000015\nЦентральная, 84 Т53\non loan\n"
        f"With Анна Ким ({anna.card_number}) until 24 November 2026"
    )
    hear(telegram.says("", chat=601, document={"file_id": "dark", "mime_type": "image/jpeg"}))
    assert telegram.text(601) == "There is no copy with the barcode 2000000000022."
    hear(telegram.says("", chat=601, document={"file_id": "none", "mime_type": "image/png"}))
    assert telegram.text(601).startswith("I see no barcode on this photo.")
    hear(telegram.says("Б-7", chat=601))
    assert telegram.text(601).startswith("Набег\nNo. Б-7")
    vera.groups.clear()
    hear(telegram.says("Б-7", chat=601))
    assert telegram.text(601).startswith("Search: Б-7")
    assert "Анна" not in telegram.text(601)


def test_readers_photos_are_not_fetched(telegram, hear, anna):
    hear(telegram.says("", photo=[{"file_id": "cat", "width": 90, "height": 67}]))
    assert telegram.text() == "I cannot read photos. Send me a title or an author."
    assert "getFile" not in [method for method, _given in telegram.sent]
