"""ISBNs as people and records write them."""

import pytest
from django.core.exceptions import ValidationError

from catalog import isbn


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("978-5-02-013850-6", ["9785020138506"]),
        ("5-02-013850-9 (в пер.)", ["9785020138506"]),
        ("ISBN 5–02–013850–9 : 12 р. 50 к.", ["9785020138506"]),
        ("0471383147 (paper/cd-rom : alk. paper)", ["9780471383147"]),
        ("0-8044-2957-X", ["9780804429573"]),
        ("0-8044-2957-Х", ["9780804429573"]),
        ("080442957x", ["9780804429573"]),
        ("979-10-90636-07-1", ["9791090636071"]),
        ("0914378287 (v. 1) 0914378295 (lim. ed.)", ["9780914378280", "9780914378297"]),
        ("5-02-013850-9 978-5-02-013850-6", ["9785020138506"]),
        ("5-02-013850-8", []),
        ("р. 165.00", []),
        ("97850201385061", []),
        ("0000000000", []),
        ("", []),
    ],
)
def test_isbns_are_found_among_prices_and_bindings(text, found):
    assert isbn.find(text) == found


def test_normalise_gives_the_first_or_none():
    assert isbn.normalise("5-02-013850-9") == "9785020138506"
    assert isbn.normalise("без ISBN") is None


def test_clean_refuses_with_a_sentence():
    assert isbn.clean(" 5-02-013850-9 ") == "9785020138506"
    with pytest.raises(ValidationError) as refusal:
        isbn.clean("5-02-013850-8")
    assert refusal.value.code == "isbn"


@pytest.mark.parametrize(
    ("digits", "printed"),
    [("9785020138506", "978-5-02-013850-6"), ("9780471383147", "978-0-471-38314-7")],
)
def test_hyphens_follow_the_ranges_of_the_agency(digits, printed):
    assert isbn.hyphenated(digits) == printed
