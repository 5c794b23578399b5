"""Every code has its sentence."""

import re
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from circulation.rules import Happened, Happening, Reason
from circulation.wording import advice, late, sentence, time_left
from library.core.dates import moment
from library.core.errors import Refusal

MOSCOW = ZoneInfo("Europe/Moscow")
DUE = datetime(2026, 3, 16, 23, 59, 59, tzinfo=MOSCOW)
HOUR_DUE = datetime(2026, 3, 16, 18, 0, tzinfo=MOSCOW)
LIMIT = {"kind": "rule", "count": 3, "limit": 3, "category": None, "item_type": None, "branch": None}
REASONS = [
    (Reason.READER_UNKNOWN, {}, "There is no reader with this card."),
    (Reason.CARD_EXPIRED, {"expired_on": date(2026, 1, 31)}, "The card expired on 31 January 2026."),
    (Reason.CARD_LOST, {}, "This card was reported lost."),
    (
        Reason.READER_BLOCKED,
        {"until": date(2026, 4, 1), "why": "Порча книги"},
        "The card is blocked until 1 April 2026: Порча книги",
    ),
    (Reason.READER_BLOCKED, {"until": None, "why": "Порча книги"}, "The card is blocked: Порча книги"),
    (
        Reason.READER_SUSPENDED,
        {"until": date(2026, 4, 1), "why": "INV-1 · Война и мир"},
        "Borrowing is suspended until 1 April 2026, for lateness: INV-1 · Война и мир",
    ),
    (
        Reason.DEBT_LIMIT,
        {"owed": Decimal("150.00"), "limit": Decimal("100.00")},
        "₽150.00 is owed to the library; at most ₽100.00 may be.",
    ),
    (Reason.DEBT_LIMIT, {"owed": Decimal("0.50"), "limit": Decimal(0)}, "₽0.50 is owed to the library."),
    (Reason.OVERDUE_LIMIT, {"overdue": 1, "limit": 0}, "1 loan is overdue."),
    (Reason.OVERDUE_LIMIT, {"overdue": 5, "limit": 2}, "5 loans are overdue; at most 2 may be."),
    (Reason.AGE_RESTRICTED, {"minimum_age": 18, "age": 17}, "This is lent from the age of 18; the reader is 17."),
    (
        Reason.AGE_RESTRICTED,
        {"minimum_age": 18, "age": None},
        "This is lent from the age of 18, and the reader's birth date is not known.",
    ),
    (Reason.COPY_UNKNOWN, {}, "There is no copy with this barcode or inventory number."),
    (Reason.COPY_WITHDRAWN, {}, "This copy was withdrawn from the library."),
    (Reason.COPY_LOST, {}, "This copy is recorded as lost."),
    (Reason.COPY_DAMAGED, {}, "This copy is damaged."),
    (Reason.COPY_ON_ORDER, {}, "This copy is still on order."),
    (Reason.NOT_FOR_LOAN, {}, "The rules do not lend this."),
    (Reason.IN_LIBRARY_USE_ONLY, {}, "This copy is for use in the library only."),
    (
        Reason.ALREADY_LOANED_TO_READER,
        {"due_at": DUE},
        "The reader has this copy already, until 16 March 2026.",
    ),
    (
        Reason.LOANED_TO_ANOTHER,
        {"due_at": HOUR_DUE},
        "This copy is on loan to another reader, until 16 March 2026, 18:00.",
    ),
    (Reason.LOAN_LIMIT, LIMIT, "The limit of loans is reached: 3 of 3."),
    (
        Reason.LOAN_LIMIT,
        LIMIT | {"category": "Взрослый", "item_type": "Диск"},
        "The limit of loans is reached: 3 of 3 (Взрослый, Диск).",
    ),
    (
        Reason.KEPT_FOR_ANOTHER,
        {"until": date(2026, 3, 9)},
        "This copy is kept for another reader until 9 March 2026.",
    ),
    (Reason.KEPT_FOR_ANOTHER, {"until": None}, "This copy is on its way to a reader who reserved it."),
    (Reason.RESERVED_BY_ANOTHER, {}, "Another reader is waiting for this book, and no other copy is free."),
    (Reason.IN_TRANSIT, {"branch": "Север"}, "This copy is on its way to Север."),
    (Reason.BOOK_IS_AWAITED, {}, "Another reader is waiting for this book."),
    (Reason.SAME_BOOK_ON_LOAN, {"due_at": DUE}, "The reader has another copy of this book, until 16 March 2026."),
    (Reason.NOT_ON_LOAN, {}, "This loan is over: the copy has come back."),
    (Reason.RENEWAL_LIMIT, {"renewals": 0, "limit": 0}, "This loan cannot be renewed."),
    (Reason.RENEWAL_LIMIT, {"renewals": 2, "limit": 2}, "Renewed 2 times already, of 2 allowed."),
    (Reason.TOO_SOON, {"opens_on": date(2026, 3, 13)}, "Too early: renewal opens on 13 March 2026."),
    (
        Reason.LOAN_OVERDUE_RENEWAL,
        {"due_at": DUE},
        "The loan is overdue since 16 March 2026; overdue loans are not renewed.",
    ),
    (Reason.CLAIMED_RETURNED, {}, "The reader says that this copy is back; the library is searching for it."),
    (Reason.COPY_NOT_DAMAGED, {}, "This copy is not damaged."),
    (
        Reason.RENEWAL_WOULD_NOT_EXTEND,
        {"due_at": DUE, "new_due_at": DUE},
        "Renewing now would not give more time: due 16 March 2026 as it is.",
    ),
]
HAPPENINGS = [
    (Happening.NOT_ON_LOAN, {"returned_at": None}, "It was not on loan."),
    (
        Happening.NOT_ON_LOAN,
        {"returned_at": HOUR_DUE},
        "It was not on loan: it came back on 16 March 2026, 18:00.",
    ),
    (
        Happening.NOT_ON_LOAN,
        {"returned_at": HOUR_DUE, "counted": True},
        "It was not on loan: a reading in the library is counted.",
    ),
    (
        Happening.CLAIMED_RETURNED_RESOLVED,
        {"claimed_at": HOUR_DUE, "was_right": True},
        "The reader had said on 16 March 2026 that it is back: so it is, and lateness costs nothing.",
    ),
    (
        Happening.CLAIMED_RETURNED_RESOLVED,
        {"claimed_at": HOUR_DUE, "was_right": False},
        "The reader had said on 16 March 2026 that it is back; lateness counts until then.",
    ),
    (Happening.WRONG_BRANCH, {"branch": "Север"}, "It belongs to Север: send it there."),
    (Happening.WAS_LOST, {}, "It was recorded as lost and is found now."),
    (
        Happening.WAS_LOST,
        {"cancelled": Decimal("250.00")},
        "It was recorded as lost and is found now. Of its replacement, ₽250.00 is cancelled.",
    ),
    (Happening.FINE_CHARGED, {"amount": Decimal("1250.50")}, "The fine is ₽1,250.50."),
    (
        Happening.KEPT_FOR,
        {"reader": "Вера", "card": "R1", "branch": "Север", "until": date(2026, 3, 9)},
        "Keep it for Вера (R1) on the hold shelf until 9 March 2026.",
    ),
    (
        Happening.KEPT_FOR,
        {"reader": "Вера", "card": "R1", "branch": "Север", "until": None},
        "Reserved by Вера (R1): send it to Север.",
    ),
    (Happening.WITHDRAWN, {}, "It was withdrawn: do not shelve it."),
    (
        Happening.SUSPENDED_UNTIL,
        {"until": date(2026, 4, 1)},
        "For lateness the reader may not borrow until 1 April 2026.",
    ),
]


@pytest.mark.parametrize(("reason", "data", "expected"), REASONS)
def test_reasons_in_english(reason, data, expected):
    with translation.override("en"):
        assert sentence(Refusal(reason, data)) == expected


@pytest.mark.parametrize(("what", "data", "expected"), HAPPENINGS)
def test_happenings_in_english(what, data, expected):
    with translation.override("en"):
        assert sentence(Happened(what, data)) == expected


def test_advice_says_what_to_do_next():
    with translation.override("en"):
        assert advice(Refusal(Reason.CARD_EXPIRED)) == "Extend the card first."
        assert advice(Refusal(Reason.NOT_FOR_LOAN)) == ""


def test_lateness_counts_days():
    with translation.override("en"):
        assert (late(1), late(3)) == ("1 day late", "3 days late")


def test_time_left_counts_days():
    with translation.override("en"):
        assert [time_left(days) for days in (0, 1, 2)] == ["due today", "due tomorrow", "due in 2 days"]


def test_the_very_end_of_a_day_is_the_day():
    with translation.override("en"):
        assert moment(DUE) == "16 March 2026"
        assert moment(HOUR_DUE) == "16 March 2026, 18:00"


@pytest.mark.parametrize(
    "told",
    [Refusal(reason, data) for reason, data, _ in REASONS] + [Happened(what, data) for what, data, _ in HAPPENINGS],
    ids=[code.value for code, _, _ in REASONS + HAPPENINGS],
)
def test_russian_has_its_own_words(told):
    with translation.override("en"):
        english = sentence(told)
    with translation.override("ru"):
        russian = sentence(told)
    days = r"\d+ (марта|апреля|января) \d{4}|\d+ \w+ \d{4}"
    amounts = r"₽[\d,.]+\b|\d[\d\s,]*₽"
    names = rf"Порча книги|Вера|INV-1 · Война и мир|Взрослый|Диск|Север|{days}|{amounts}"
    if re.sub(names, "", english) == re.sub(names, "", russian):
        pytest.skip("not translated yet")
    assert re.search("[а-яё]", re.sub(names, "", russian))
    assert not re.search(r"\b(the|is|not|loan|copy|reader)\b", russian, re.IGNORECASE)


def test_no_code_is_forgotten():
    assert {reason for reason, _, _ in REASONS} == set(Reason)
    assert {what for what, _, _ in HAPPENINGS} == set(Happening)
