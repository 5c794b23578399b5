"""The tables of the demo library: whole, plausible, and with valid ISBNs."""

from collections import Counter
from datetime import date

import pytest
from stdnum import isbn

from catalog.models import Contribution, MaterialType
from demo.sources import people, titles

ROLES = {value for value, _label in Contribution.Role.choices}


def test_some_five_hundred_titles_about_half_of_them_russian():
    languages = Counter(title.language for title in titles())
    assert set(languages) == {"rus", "eng"}
    assert 500 <= languages.total() <= 600
    assert 0.4 <= languages["eng"] / languages.total() <= 0.6 or 0.5 <= languages["rus"] / languages.total() <= 0.62


def test_every_title_is_whole():
    for title in titles():
        assert title.title == title.title.strip() != ""
        assert 1500 <= title.year <= 2026
        assert title.material in MaterialType.values
        assert title.subjects or title.genres
        assert {role for _name, role in title.people} <= ROLES
        assert len(set(title.people)) == len(title.people)
        assert len(set(title.genres)) == len(title.genres)
        assert len(set(title.subjects)) == len(title.subjects)
        assert title.people or title.material in {"journal"} or title.title == "Книга о вкусной и здоровой пище"


def test_nothing_stands_there_twice():
    doubles = Counter((title.title, title.people, title.language) for title in titles())
    assert doubles.most_common(1)[0][1] == 1


def test_isbns_are_valid_and_each_belongs_to_one_title():
    numbers = [title.isbn for title in titles() if title.isbn]
    assert len(numbers) == len(set(numbers)) >= 36
    assert all(len(number) == 13 and isbn.is_valid(number) for number in numbers)


def test_call_numbers_and_item_types():
    by_title = {title.title: title for title in titles()}
    assert by_title["Евгений Онегин"].call_number == "84(2=411.2)5 ПУШ"
    assert by_title["Jane Eyre"].call_number == "84(4Вел) BRO"
    assert by_title["Мурзилка"].call_number == "МУР"
    assert by_title["Design Patterns"].item_type == "textbook"
    assert by_title["Каркассон"].item_type == "game"
    assert by_title["Ёжик в тумане"].item_type == "disc"
    assert by_title["Квант"].item_type == "journal"
    assert by_title["Мцыри"].item_type == "book"


def test_forty_readers_in_two_languages_with_every_story():
    readers = people()
    assert len(readers) == 40
    assert Counter(person.language for person in readers) == {"ru": 33, "en": 7}
    assert {person.story for person in readers} == {
        "",
        "sign_in",
        "limit",
        "overdue_1",
        "overdue_7",
        "overdue_40",
        "due_today",
        "due_in_3",
        "renewed",
        "blocked",
        "blocked_until",
        "suspended",
        "expired",
        "card_lost",
    }
    assert [person.name for person in readers if person.story == "sign_in"] == ["Иванова Мария Сергеевна"]


@pytest.mark.parametrize(
    ("name", "today", "born_on"),
    [
        ("Новикова Екатерина Ильинична", "2026-11-21", "2017-04-21"),  # 9 since April
        ("Новикова Екатерина Ильинична", "2027-04-20", "2017-04-21"),  # 9 still, 10 tomorrow
        ("Новикова Екатерина Ильинична", "2027-04-21", "2018-04-21"),
        ("Соколов Михаил Юрьевич", "2026-11-21", "2004-02-29"),  # 29 February needs a leap year
        ("Борисов Антон Сергеевич", "2026-12-31", "1993-12-31"),
    ],
)
def test_birth_dates_follow_the_age(name, today, born_on):
    person = next(person for person in people() if person.name == name)
    assert person.born_on(date.fromisoformat(today)) == date.fromisoformat(born_on)
