"""Who may be the same person, and whom a search box finds."""

from datetime import date

import pytest

from accounts.queries import duplicate_candidates, reader_of, readers_matching
from accounts.tests.factories import ReaderFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return ReaderFactory(
        full_name="Ёлкина Анна Петровна",
        card_number="2900000000421",
        email="Anna@example.org",
        phone="+7 912 345-67-89",
        birth_date=date(1990, 5, 6),
    )


@pytest.mark.parametrize(
    "given",
    [
        {"email": "anna@EXAMPLE.org"},
        {"phone": "8 (912) 345 67 89"},
        {"full_name": "елкина  анна петровна", "birth_date": date(1990, 5, 6)},
    ],
)
def test_likely_duplicates(anna, given):
    ReaderFactory(full_name="Другая", email="", phone="")
    assert list(duplicate_candidates(**given)) == [anna]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"email": "", "phone": "", "full_name": ""},
        {"full_name": "Ёлкина Анна Петровна"},
        {"full_name": "Ёлкина Анна Петровна", "birth_date": date(1990, 6, 5)},
        {"phone": "+7 912 345-67-80"},
    ],
)
def test_no_duplicates(anna, given):
    ReaderFactory(full_name="Другая", email="", phone="")
    assert not duplicate_candidates(**given).exists()


def test_nobody_duplicates_themselves(anna):
    assert not duplicate_candidates(email="anna@example.org", except_id=anna.pk).exists()


@pytest.mark.parametrize(
    "typed",
    ["елкина", "Анна ЁЛКИНА", "2900000000421", "0000421", "345-67-89", "anna@example.org", "8 912 345 67 89"],
)
def test_search_finds(anna, typed):
    ReaderFactory(full_name="Каренина Дарья")
    assert list(readers_matching(typed)) == [anna]


@pytest.mark.parametrize("typed", ["ёлкин дарья", "9999", "4567", "%", "", "  "])
def test_search_does_not_find(anna, typed):
    assert not readers_matching(typed).exists()


def test_own_card():
    reader = ReaderFactory(signs_in=True)
    assert reader_of(reader.user) == reader
    assert reader_of(UserFactory()) is None
