"""Label stock by name: how large a sheet is, and where on it the labels lie. Everything in millimetres."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

A4 = (210.0, 297.0)
LETTER = (215.9, 279.4)
CR80 = (85.6, 54.0)
"""The size of a bank card, as plastic cards for readers are."""
CATALOGUE_CARD = (125.0, 75.0)
"""The international size of a catalogue card."""


class Use(StrEnum):
    """What a stock is good for."""

    LABEL = "label"
    SPINE = "spine"
    CARD = "card"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """One kind of sheet or roll. `margin` is from the left and the top edge; `gap` lies between labels."""

    code: str
    name: str | Promise
    page: tuple[float, float]
    label: tuple[float, float]
    columns: int = 1
    rows: int = 1
    margin: tuple[float, float] = (0.0, 0.0)
    gap: tuple[float, float] = (0.0, 0.0)
    uses: tuple[Use, ...] = (Use.LABEL, Use.SPINE)
    has_cut_marks: bool = False
    """Whether short lines beside the outermost labels show where to cut."""

    @property
    def per_sheet(self) -> int:
        """How many labels a sheet has; 1 on a roll."""
        return self.columns * self.rows

    def corner(self, place: int) -> tuple[float, float]:
        """The lower left corner of the label at `place`, 0 at the top left, along the rows; from the sheet's own."""
        row, column = divmod(place, self.columns)
        (width, height), (left, top), (across, down) = self.label, self.margin, self.gap
        return left + column * (width + across), self.page[1] - top - row * (height + down) - height


def _roll(width: float, height: float, *uses: Use) -> Stock:
    return Stock(
        code=f"roll-{width:g}x{height:g}",
        name=_("Roll, %(width)g × %(height)g mm") % {"width": width, "height": height},
        page=(width, height),
        label=(width, height),
        uses=uses,
    )


STOCKS = (
    Stock(
        code="a4-70x37",
        name=_("A4, 3 × 8, 70 × 37 mm (Avery Zweckform 3474)"),
        page=A4,
        label=(70, 37),
        columns=3,
        rows=8,
        margin=(0, 0.5),
    ),
    Stock(
        code="a4-52x30",
        name=_("A4, 4 × 10, 52.5 × 29.7 mm (Avery Zweckform 3651)"),
        page=A4,
        label=(52.5, 29.7),
        columns=4,
        rows=10,
    ),
    Stock(
        code="l7160",
        name=_("A4, 3 × 7, 63.5 × 38.1 mm (Avery L7160)"),
        page=A4,
        label=(63.5, 38.1),
        columns=3,
        rows=7,
        margin=(7.2, 15.1),
        gap=(2.5, 0),
    ),
    Stock(
        code="l7163",
        name=_("A4, 2 × 7, 99.1 × 38.1 mm (Avery L7163)"),
        page=A4,
        label=(99.1, 38.1),
        columns=2,
        rows=7,
        margin=(4.65, 15.15),
        gap=(2.5, 0),
    ),
    Stock(
        code="l7651",
        name=_("A4, 5 × 13, 38.1 × 21.2 mm (Avery L7651)"),
        page=A4,
        label=(38.1, 21.2),
        columns=5,
        rows=13,
        margin=(4.75, 10.7),
        gap=(2.5, 0),
    ),
    Stock(
        code="5160",
        name=_("Letter, 3 × 10, 66.7 × 25.4 mm (Avery 5160)"),
        page=LETTER,
        label=(66.675, 25.4),
        columns=3,
        rows=10,
        margin=(4.7625, 12.7),
        gap=(3.175, 0),
    ),
    Stock(
        code="5161",
        name=_("Letter, 2 × 10, 101.6 × 25.4 mm (Avery 5161)"),
        page=LETTER,
        label=(101.6, 25.4),
        columns=2,
        rows=10,
        margin=(3.96875, 12.7),
        gap=(4.7625, 0),
    ),
    _roll(58, 40, Use.LABEL, Use.SPINE),
    _roll(43, 25, Use.LABEL, Use.SPINE),
    _roll(30, 20, Use.SPINE),
    Stock(
        code="l7636",
        name=_("A4, 4 × 12, 45.7 × 21.2 mm (Avery L7636)"),
        page=A4,
        label=(45.7, 21.2),
        columns=4,
        rows=12,
        margin=(9.8, 21.3),
        gap=(2.5, 0),
    ),
    Stock(
        code="a4-spine-30x20",
        name=_("A4 to cut, 6 × 13, 30 × 20 mm"),
        page=A4,
        label=(30, 20),
        columns=6,
        rows=13,
        margin=(10, 12.5),
        gap=(2, 1),
        uses=(Use.SPINE,),
    ),
    Stock(
        code="a4-cards",
        name=_("A4 to cut, 2 × 5 cards, 85.6 × 54 mm"),
        page=A4,
        label=CR80,
        columns=2,
        rows=5,
        margin=(17.4, 9.5),
        gap=(4, 2),
        uses=(Use.CARD,),
    ),
    Stock(
        code="c32016",
        name=_("A4, 2 × 5 cards, 85 × 54 mm (Avery Zweckform C32016)"),
        page=A4,
        label=(85, 54),
        columns=2,
        rows=5,
        margin=(15, 13.5),
        gap=(10, 0),
        uses=(Use.CARD,),
    ),
    Stock(code="cr80", name=_("Card printer, 85.6 × 54 mm"), page=CR80, label=CR80, uses=(Use.CARD,)),
    Stock(
        code="a4-catalogue",
        name=_("A4 to cut, 3 catalogue cards, 125 × 75 mm"),
        page=A4,
        label=CATALOGUE_CARD,
        rows=3,
        margin=(42.5, 36),
        uses=(Use.CATALOGUE,),
        has_cut_marks=True,
    ),
    Stock(
        code="catalogue-card",
        name=_("Catalogue cards one by one, 125 × 75 mm"),
        page=CATALOGUE_CARD,
        label=CATALOGUE_CARD,
        uses=(Use.CATALOGUE,),
    ),
)
"""In the order in which they are offered. Measures are the makers'; printers differ, hence the offsets of a print."""
BY_CODE = {stock.code: stock for stock in STOCKS}


def stocks_for(uses: Iterable[Use]) -> list[Stock]:
    """The stocks good for any of `uses`."""
    wanted = set(uses)
    return [stock for stock in STOCKS if wanted.intersection(stock.uses)]
