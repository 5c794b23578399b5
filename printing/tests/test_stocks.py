"""Sheets of labels: how many there are on one, and that none hangs over its edge."""

import pytest

from printing.sheets import Layout, box_at
from printing.stocks import BY_CODE, STOCKS

PER_SHEET = {
    "a4-70x37": 24,
    "a4-52x30": 40,
    "l7160": 21,
    "l7163": 14,
    "l7651": 65,
    "5160": 30,
    "5161": 20,
    "roll-58x40": 1,
    "roll-43x25": 1,
    "roll-30x20": 1,
    "l7636": 48,
    "a4-spine-30x20": 78,
    "a4-cards": 10,
    "c32016": 10,
    "cr80": 1,
    "a4-catalogue": 3,
    "catalogue-card": 1,
}
"""As the boxes say."""


def test_every_stock_has_as_many_labels_as_its_maker_says():
    assert {stock.code: stock.per_sheet for stock in STOCKS} == PER_SHEET


@pytest.mark.parametrize("code", PER_SHEET)
def test_labels_lie_inside_the_sheet_and_apart_from_each_other(code):
    stock = BY_CODE[code]
    (width, height), (page_width, page_height) = stock.label, stock.page
    corners = [stock.corner(place) for place in range(stock.per_sheet)]
    for x, y in corners:
        assert -0.01 <= x <= page_width - width + 0.01
        assert -0.01 <= y <= page_height - height + 0.01
    for number, (x, y) in enumerate(corners):
        for other_x, other_y in corners[number + 1 :]:
            assert abs(x - other_x) >= width - 0.01 or abs(y - other_y) >= height - 0.01
    left, right = min(x for x, _ in corners), page_width - max(x for x, _ in corners) - width
    assert abs(left - right) < 0.5, "sheets are alike at both sides"


def test_the_first_label_of_avery_l7160_lies_where_its_template_says():
    layout = Layout(stock=BY_CODE["l7160"], offset=(1, -2))
    x, y, width, height = (round(length / 72 * 25.4, 1) for length in box_at(layout, 0))
    assert (x, y, width, height) == (8.2, 245.8, 63.5, 38.1)
