"""What a scanned copy comes to, case by case."""

import pytest

from stocktaking.rules import Scanned, is_within, misplaced, outcome_of


@pytest.mark.parametrize(
    ("status", "is_of_branch", "mark", "outcome"),
    [
        ("available", True, "84 А", "found"),
        ("damaged", True, "84 А", "found"),
        ("available", False, "84 А", "other_branch"),
        ("available", True, "63 Б", "out_of_place"),
        ("loaned", True, "84 А", "found_on_loan"),
        ("loaned", False, "63 Б", "found_on_loan"),
        ("lost", False, "84 А", "found_lost"),
        ("withdrawn", False, "63 Б", "found_withdrawn"),
    ],
)
def test_a_scan_comes_to_the_worst_that_is_true(status, is_of_branch, mark, outcome):
    scanned = Scanned(status=status, is_of_branch=is_of_branch, shelf_mark=mark, shelf_from="80", shelf_to="84")
    assert outcome_of(scanned) == outcome


@pytest.mark.parametrize(
    ("mark", "first", "last", "is_in"),
    [
        ("84(2Рос=Рус)6 А68", "80", "84", True),
        ("85 Я", "80", "84", False),
        ("79.9", "80", "84", False),
        ("", "", "", True),
        ("", "80", "", False),
        ("Я", "80", "", True),
    ],
)
def test_a_stretch_takes_in_all_that_begins_like_its_last_mark(mark, first, last, is_in):
    assert is_within(mark, first, last) == is_in


@pytest.mark.parametrize(
    ("before_last", "last", "this", "wrong"),
    [
        ("А", "Б", "В", ""),
        ("А", "Б", "Б", ""),
        ("Б", "Я", "В", "last"),
        ("Б", "В", "А", "this"),
        (None, "В", "А", "this"),
        (None, None, "А", ""),
        ("А", "Б", "", ""),
    ],
)
def test_of_two_neighbours_the_stray_one_is_blamed(before_last, last, this, wrong):
    assert misplaced(before_last, last, this) == wrong
