"""A library small enough to count on paper; docs/reports.md shows how.

Two branches: Centre in Moscow (UTC+3) and East in Vladivostok (UTC+10). The month of most figures is March 2026.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import cashdesk.actions
from accounts.tests.factories import LibrarianFactory, ReaderFactory
from cashdesk.models import Kind, Method
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.models import Reading
from circulation.tests.factories import LoanFactory
from library.core import audit
from policies.tests.factories import BranchFactory, ItemTypeFactory, ReaderCategoryFactory
from reservations.tests.factories import ReservationFactory


def at(text):
    """An instant in UTC: 2026-03-01 12:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-04-03 12:00")
"""3 April, 15:00 in Moscow and 22:00 in Vladivostok."""


def small_library():
    """Write it all; what tests name of it."""
    centre = BranchFactory(code="centre", name="Centre", time_zone="Europe/Moscow")
    east = BranchFactory(code="east", name="East", time_zone="Asia/Vladivostok")
    adult, child = (ReaderCategoryFactory(code=name.lower(), name=name) for name in ("Adult", "Child"))
    book, disc = (ItemTypeFactory(code=name.lower(), name=name) for name in ("Book", "Disc"))
    hamlet = BookFactory(title="Hamlet", language="eng", year=2025, genres=["drama"], authors=["Shakespeare, William"])
    onegin = BookFactory(title="Onegin", language="rus", year=2020, genres=["poetry", "drama"])
    atlas = BookFactory(title="Atlas", language="", year=None)

    def copy(number, of, branch, item_type=book, **more):
        facts = {"acquired_on": date(2020, 1, 1), "price": None, "shelf_mark": number} | more
        return CopyFactory(book=of, inventory_number=number, branch=branch, item_type=item_type, **facts)

    h1, h2 = copy("H1", hamlet, centre, price=Decimal(500)), copy("H2", hamlet, east, price=Decimal(500))
    o1, a1 = copy("O1", onegin, centre, price=Decimal(300)), copy("A1", atlas, east, disc)
    dead = copy("D1", atlas, centre, price=Decimal(100))
    copy("D2", atlas, centre, acquired_on=date(2025, 6, 1))
    read_lately = copy("D3", atlas, centre)
    copy("D4", atlas, centre, is_reference_only=True)
    vera = ReaderFactory(
        full_name="Vera",
        category=adult,
        home_branch=centre,
        birth_date=date(1990, 3, 1),
        registered_on=date(2025, 1, 10),
    )
    misha = ReaderFactory(
        full_name="Misha",
        category=child,
        home_branch=east,
        birth_date=date(2011, 3, 10),
        registered_on=date(2026, 2, 28),
    )
    nina = ReaderFactory(full_name="Nina", category=adult, home_branch=centre, registered_on=date(2026, 3, 31))
    ReaderFactory(category=adult, home_branch=centre, registered_on=date(2026, 3, 5), merged_into=nina)

    def loan(copy, reader, lent, returned=None, **more):
        """Lent where the copy belongs; without a reader one that is forgotten."""
        kept = {} if reader else {"reader_category": adult, "reader_branch": centre}
        back = {"returned_at": at(returned)} if returned else {}
        return LoanFactory(copy=copy, reader=reader, checked_out_at=at(lent), **back, **kept, **more)

    loan(o1, None, "2025-03-10 10:00", "2025-03-20 10:00")
    loan(h1, vera, "2025-03-12 10:00", "2025-03-20 10:00")
    loan(h1, vera, "2026-02-28 21:30", "2026-03-05 09:00")  # 1 March, 0:30 in Moscow; her 36th birthday
    loan(h2, misha, "2026-02-28 13:59", "2026-03-02 00:00")  # 28 February, 23:59 in Vladivostok; he is 14
    loan(h2, misha, "2026-03-31 13:59", "2026-03-31 14:00")  # 31 March, 23:59; back on 1 April, 0:00
    extended = loan(o1, None, "2026-03-10 10:00", "2026-03-20 10:00", renewals=2, age_group="15-35")
    for when in ("2026-03-15 10:00", "2026-03-31 21:30"):  # the second on 1 April in Moscow
        audit.record(action="circulation.renew", subject=extended, by=None, now=at(when))
    loan(o1, vera, "2026-03-21 10:00", "2026-03-21 10:01", undone_at=at("2026-03-21 10:01"))
    loan(h1, misha, "2026-03-09 22:00")  # 10 March, 1:00: his 15th birthday; due on 24 March
    loan(a1, vera, "2026-03-15 00:00", due_at=at("2026-04-03 13:59:59"))  # until the end of 3 April in Vladivostok
    loan(dead, vera, "2024-05-01 10:00", "2024-05-01 10:01", undone_at=at("2024-05-01 10:01"))
    loan(dead, vera, "2023-12-31 21:30", "2024-01-10 10:00")  # 1 January in Moscow
    for copy_read, when in ((o1, "2026-03-31 20:59"), (o1, "2026-03-31 21:00"), (read_lately, "2026-01-01 10:00")):
        Reading.objects.create(copy=copy_read, branch=centre, at=at(when))

    for _number in range(4):
        ReservationFactory(book=onegin, pickup_branch=centre)
    ReservationFactory(book=hamlet, pickup_branch=east)
    for reader, ready, state in (
        (vera, "2026-03-03 00:00", "collected"),
        (None, "2026-03-05 00:00", "collected"),
        (vera, "2026-03-31 20:59", "expired"),
        (vera, "2026-03-31 21:30", "expired"),
    ):
        ReservationFactory(
            book=atlas, reader=reader, pickup_branch=centre, placed_at=at("2026-03-01 00:00"), ready_at=at(ready),
            state=state, ended_at=at("2026-04-02 00:00"), pickup_until=date(2026, 4, 2),
        )  # fmt: skip

    clerk = LibrarianFactory()
    till = {"reader_id": vera.pk, "branch_id": centre.pk, "by": clerk}
    for amount, when in ((100, "2026-03-31 20:58"), (50, "2026-03-31 21:00")):
        cashdesk.actions.charge(**till, kind=Kind.MANUAL, reason="Copies", amount=Decimal(amount), now=at(when))
    first = vera.entries.order_by("at").first()
    cashdesk.actions.pay(**till, amount=Decimal(60), method=Method.CASH, now=at("2026-03-31 20:59"))
    cashdesk.actions.waive(
        charge_uid=first.uid, amount=Decimal(10), reason="Kindness", by=clerk, now=at("2026-04-01 10:00")
    )
    return SimpleNamespace(clerk=clerk, vera=vera, misha=misha, centre=centre, east=east)
