"""Every effect of the actions, every refusal, and that a refusal writes nothing."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.book_merges import merge_books
from catalog.models import Copy
from circulation.actions import check_out, renew, return_copy
from circulation.models import Loan
from circulation.rules import Reason as LoanReason
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid, Refused
from library.core.models import AuditEntry
from notifications.models import Notice
from policies.models import LendingRule
from policies.tests.factories import ClosedDayFactory, OpeningHoursFactory
from reservations.actions import (
    arrive,
    cancel,
    capture,
    expire_uncollected,
    move,
    pick,
    release,
    resume,
    suspend,
)
from reservations.models import Reservation, Transfer
from reservations.queries import (
    Queues,
    expected_at,
    hold_shelf,
    pick_list,
    reservations_visible_to,
    standings,
    to_clear,
)
from reservations.tests.factories import ReservationFactory

NINTH = date(2026, 3, 9)
"""Seven open days after NOW, Monday 2 March: the branches are always open."""


@contextmanager
def refused(*codes):
    """The block is refused for these reasons and writes nothing."""

    def everything():
        return [
            list(model.objects.order_by("pk").values()) for model in (Reservation, Transfer, Loan, Notice, AuditEntry)
        ] + [list(Copy.objects.order_by("pk").values_list("pk", "status"))]

    before = everything()
    with pytest.raises(Refused) as error:
        yield
    assert [refusal.reason.value for refusal in error.value.refusals] == list(codes)
    assert everything() == before


def state_of(*things):
    for thing in things:
        thing.refresh_from_db()
    return [str(getattr(thing, "state", None) or thing.status) for thing in things]


def deeds():
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def take_back(copy, anna, centre):
    """A function: the copy comes back to Anna at the main branch, unless told otherwise."""

    def act(**changes):
        return return_copy(**{"copy_id": copy.pk, "by": anna, "branch_id": centre.pk, "now": NOW, **changes})

    return act


@pytest.fixture
def lend(copy, anna, centre):
    """A function: Anna lends the copy at the main branch, unless told otherwise."""

    def act(reader, **changes):
        usual = {"copy_id": copy.pk, "by": anna, "branch_id": centre.pk, "now": NOW}
        return check_out(reader_id=reader.pk, **(usual | changes))

    return act


# --- Reserving -----------------------------------------------------------------------------------------------------


def test_a_reservation_goes_to_the_end_of_the_queue(place, copy, vera, gleb, anna, centre):
    first, second = place(vera), place(gleb)
    assert [one.reader for one in Queues([copy.book_id], now=NOW).of(copy.book_id)] == [vera, gleb]
    assert Queues([copy.book_id], now=NOW).places() == {first.pk: 1, second.pk: 2}
    assert (first.state, first.slot, first.placed_by, first.pickup_branch) == ("waiting", 1, anna, centre)
    entry = AuditEntry.objects.first()
    assert (entry.action, entry.actor, entry.detail) == ("reservations.reserve", anna, {"branch": "centre", "limit": 5})


def test_refusals_write_nothing_and_overrides_are_written_down(place, copy, vera, boris, anna):
    place(vera)
    with refused("already_reserved"):
        place(vera)
    LendingRule.objects.update(max_reservations_per_book=2, max_reservations=1)
    with refused("reservation_limit"):
        place(vera, overrides={"reservation_limit"}, note="Очень нужно")  # Anna may not
    with pytest.raises(Invalid, match="note"):
        place(vera, by=boris, overrides={"reservation_limit"})
    second = place(vera, by=boris, overrides={"reservation_limit"}, note="Очень нужно")
    assert second.slot == 2
    detail = AuditEntry.objects.first().detail
    assert (detail["note"], detail["overridden"][0]["data"]["limit"]) == ("Очень нужно", 1)


def test_the_database_keeps_the_invariants(copy, vera, gleb, centre, new_copy):
    mine = ReservationFactory(reader=vera, book=copy.book, pickup_branch=centre)
    ready = {"state": "ready", "ready_at": NOW, "pickup_until": NINTH}
    broken = {
        "one_reservation_per_reader_and_book": lambda: ReservationFactory(reader=vera, book=copy.book),
        "one_place_in_the_queue": lambda: ReservationFactory(reader=gleb, book=copy.book, order=mine.order),
        "copy_is_set_aside_for_it": lambda: ReservationFactory(**ready),
        "ready_until_a_day": lambda: ReservationFactory(state="ready", copy=copy),
        "ended_once": lambda: ReservationFactory(state="cancelled"),
        "only_waiting_is_suspended": lambda: ReservationFactory(**ready, copy=copy, suspended_until=NINTH),
        "one_reservation_per_copy": lambda: [ReservationFactory(**ready, copy=copy) for _n in range(2)],
        "one_open_transfer_per_copy": lambda: [
            Transfer.objects.create(
                copy=copy, from_branch=centre, to_branch=vera.category and new_branch(n), why="home", sent_at=NOW
            )
            for n in range(2)
        ],
        "transfer_leads_elsewhere": lambda: Transfer.objects.create(
            copy=copy, from_branch=centre, to_branch=centre, why="home", sent_at=NOW
        ),
    }
    for name, make in broken.items():
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            make()


def new_branch(number):
    from policies.tests.factories import BranchFactory

    return BranchFactory(code=f"other-{number}")


# --- From return to check-out --------------------------------------------------------------------------------------


def test_a_returned_copy_is_kept_for_the_first_and_collected(place, lend, take_back, copy, vera, gleb, darya):
    lend(vera)
    first, second = place(gleb), place(darya)
    outcome = take_back()
    (kept,) = outcome.happenings
    assert (kept.what, dict(kept.data)) == (
        "kept_for",
        {"reader": "Глеб Сосед", "card": "R000002", "branch": "Центр", "until": NINTH},
    )
    assert state_of(first, second, copy) == ["ready", "waiting", "on_hold_shelf"]
    notice = Notice.objects.get(event="reservation_ready")
    assert (notice.reader, notice.data["authors"], notice.data["until_on"]) == (gleb, "Толстой, Лев", "2026-03-09")

    assert [told.what.value for told in take_back().happenings] == ["not_on_loan", "kept_for"]  # a second scan
    assert Notice.objects.filter(event="reservation_ready").count() == 1

    with refused("kept_for_another"):
        lend(vera)
    lend(gleb)
    assert state_of(first, copy) == ["collected", "loaned"]
    assert deeds()[-2:] == ["reservations.collect", "circulation.check_out"]


def test_an_overridden_claim_leaves_the_other_reader_first(place, lend, take_back, copy, vera, gleb, darya):
    lend(vera)
    first, second = place(gleb), place(darya)
    move(reservation_id=second.pk, place=1, why="Экзамен", by=vera.user, now=NOW)
    take_back()
    assert state_of(second) == ["ready"]
    lend(vera, overrides={LoanReason.KEPT_FOR_ANOTHER, LoanReason.SAME_BOOK_ON_LOAN}, note="Завтра принесёт")
    assert state_of(first, second, copy) == ["waiting", "waiting", "loaned"]
    assert second.copy is None
    assert Queues([copy.book_id], now=NOW).places() == {second.pk: 1, first.pk: 2}


def test_the_open_shelf_is_for_the_queue_unless_there_are_enough(place, lend, copy, new_copy, vera, gleb, darya):
    place(gleb)
    with refused("reserved_by_another"):
        lend(vera)
    other = new_copy(book=copy.book)
    lend(vera)  # the other copy covers Gleb
    with refused("reserved_by_another"):
        lend(darya, copy_id=other.pk)
    mine = Reservation.objects.get(reader=gleb)
    lend(gleb, copy_id=other.pk)
    assert state_of(mine) == ["collected"]


def test_suspended_ones_are_passed_over_until_their_day(place, lend, copy, vera, gleb):
    mine = place(gleb)
    suspend(reservation_id=mine.pk, until=NINTH, by=gleb.user, now=NOW)
    lend(vera)
    return_copy(copy_id=copy.pk, by=None, branch_id=copy.branch_id, now=NOW)
    assert state_of(mine, copy) == ["waiting", "available"]
    later = datetime(2026, 3, 10, 9, tzinfo=UTC)
    assert [pick.reservation for pick in pick_list(copy.branch, now=later)] == [mine]
    with pytest.raises(Invalid, match="until"):
        suspend(reservation_id=mine.pk, until=date(2026, 3, 1), by=gleb.user, now=NOW)
    resume(reservation_id=mine.pk, by=gleb.user, now=NOW)
    assert [pick.copy for pick in pick_list(copy.branch, now=NOW)] == [copy]


def test_a_book_that_is_awaited_is_not_renewed(place, lend, copy, new_copy, vera, gleb, anna):
    loan = lend(vera).loan
    mine = place(gleb)
    with refused("book_is_awaited"):
        renew(loan_id=loan.pk, by=vera.user, now=NOW)
    suspend(reservation_id=mine.pk, until=NINTH, by=gleb.user, now=NOW)
    renew(loan_id=loan.pk, by=vera.user, now=NOW)
    resume(reservation_id=mine.pk, by=gleb.user, now=NOW)
    new_copy(book=copy.book)
    renew(loan_id=loan.pk, by=vera.user, now=NOW)  # the new copy covers Gleb


# --- Between branches ----------------------------------------------------------------------------------------------


def test_a_copy_travels_to_where_it_is_collected(place, lend, take_back, copy, vera, darya, anna, north, centre):
    lend(vera)
    mine = place(darya, pickup_branch_id=north.pk)
    (kept,) = take_back().happenings
    assert (kept.data["branch"], kept.data["until"]) == ("Север", None)
    assert state_of(mine, copy) == ["in_transit", "in_transit"]
    assert not Notice.objects.filter(event="reservation_ready").exists()
    transfer = Transfer.objects.get()
    assert (transfer.from_branch, transfer.to_branch, transfer.why) == (centre, north, "reservation")
    with refused("kept_for_another", "in_transit"):
        lend(vera)
    assert arrive(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW).transfer == transfer  # not sent yet
    for _twice in range(2):
        assert arrive(copy_id=copy.pk, branch_id=north.pk, by=anna, now=NOW).reservation == mine
    assert state_of(mine, copy) == ["ready", "on_hold_shelf"]
    assert Notice.objects.filter(event="reservation_ready").count() == 1
    transfer.refresh_from_db()
    assert (transfer.arrived_at, transfer.arrival_branch) == (NOW, north)

    cancel(reservation_id=mine.pk, by=anna, now=NOW, why="Передумала")
    assert state_of(mine, copy) == ["cancelled", "in_transit"]  # home again
    assert Transfer.objects.open().get().to_branch == centre
    assert Notice.objects.get(event="reservation_cancelled").data["why"] == "Передумала"
    assert list(to_clear(north)) == [mine]
    assert [told.what.value for told in take_back(branch_id=north.pk).happenings] == ["not_on_loan", "wrong_branch"]
    assert list(to_clear(north)) == []
    assert [told.what.value for told in take_back().happenings] == ["not_on_loan"]
    assert state_of(copy) == ["available"]
    with refused("not_on_its_way"):
        arrive(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW)


def test_a_way_ends_where_the_copy_is_lent(take_back, lend, copy, vera, gleb, north):
    lend(vera)
    take_back(branch_id=north.pk)
    assert state_of(copy) == ["in_transit"]
    with refused("in_transit"):
        lend(gleb, branch_id=north.pk)
    lend(gleb, branch_id=north.pk, overrides={LoanReason.IN_TRANSIT}, note="Ещё не уехала")
    assert state_of(copy) == ["loaned"]
    assert Transfer.objects.get().arrival_branch == north


def test_where_copies_stay_only_their_own_branch_fills(place, copy, new_copy, darya, north, settings):
    settings.RESERVATION_TRANSFERS = False
    with refused("no_copy_could_fill"):
        place(darya, pickup_branch_id=north.pk)
    own = new_copy(book=copy.book, branch=north)
    place(darya, pickup_branch_id=north.pk)
    assert pick_list(copy.branch, now=NOW) == []
    assert [pick.copy for pick in pick_list(north, now=NOW)] == [own]


# --- Pick list, shelf, release -------------------------------------------------------------------------------------


def test_a_pick_is_ticked_off_by_its_scan(place, copy, new_copy, vera, gleb, anna, north, centre):
    far = new_copy(book=copy.book, branch=north)
    mine = place(vera)
    assert [pick.copy for pick in pick_list(centre, now=NOW)] == [copy]
    assert pick_list(north, now=NOW) == []
    for _twice in range(2):
        assert pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW).reservation == mine
    assert pick_list(centre, now=NOW) == []
    assert [(one.copy, one.reader) for one in hold_shelf(centre)] == [(copy, vera)]
    with refused("nobody_waits"):
        pick(copy_id=far.pk, branch_id=north.pk, by=anna, now=NOW)
    LoanFactory(copy=far, reader=gleb)
    with refused("copy_is_out"):
        pick(copy_id=far.pk, branch_id=north.pk, by=anna, now=NOW)
    with refused("copy_unknown"):
        pick(copy_id=0, branch_id=north.pk, by=anna, now=NOW)


def test_a_new_copy_fills_the_first_that_it_may_fill(place, copy, new_copy, vera, gleb, anna, centre):
    LendingRule.objects.create(category=vera.category, reservable=None)
    first, second = place(vera), place(gleb)
    LendingRule.objects.filter(category=vera.category).update(reservable=False)
    gleb.category = type(gleb.category).objects.create(code="student", name="Студент")
    gleb.save(update_fields=["category"])
    assert capture(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW).reservation == second
    fresh = new_copy(book=copy.book)
    assert capture(copy_id=fresh.pk, branch_id=centre.pk, by=anna, now=NOW).reservation is None
    assert state_of(first, second, fresh) == ["waiting", "ready", "available"]


def test_what_is_not_on_the_hold_shelf_is_released(place, copy, vera, gleb, anna, centre):
    first, second = place(vera), place(gleb)
    pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW)
    with pytest.raises(Invalid, match="why"):
        release(copy_id=copy.pk, status=Copy.Status.LOST, why=" ", by=anna, now=NOW)
    assert release(copy_id=copy.pk, status=Copy.Status.LOST, why="Нет на полке", by=anna, now=NOW) == first
    assert state_of(first, second, copy) == ["waiting", "waiting", "lost"]
    with refused("not_set_aside"):
        release(copy_id=copy.pk, status=Copy.Status.LOST, why="Нет", by=anna, now=NOW)
    assert return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW).placement.reservation == first


# --- Cancelling, moving, expiry ------------------------------------------------------------------------------------


def test_a_cancelled_copy_goes_to_the_next_at_once(place, copy, vera, gleb, anna, centre):
    first, second = place(vera), place(gleb)
    pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW)
    with pytest.raises(Invalid, match="why"):
        cancel(reservation_id=first.pk, by=anna, now=NOW)
    for _twice in range(2):
        cancel(reservation_id=first.pk, by=vera.user, now=NOW)
    assert state_of(first, second, copy) == ["cancelled", "ready", "on_hold_shelf"]
    assert list(Notice.objects.filter(event__startswith="reservation").values_list("event", "reader")) == [
        ("reservation_ready", gleb.pk),
        ("reservation_ready", vera.pk),
    ]
    assert deeds().count("reservations.cancel") == 1
    check_out(copy_id=copy.pk, reader_id=gleb.pk, by=anna, branch_id=centre.pk, now=NOW)
    with refused("reservation_is_over"):
        cancel(reservation_id=second.pk, by=gleb.user, now=NOW)


def test_staff_move_with_a_reason(place, copy, vera, gleb, darya, anna):
    first, second, third = place(vera), place(gleb), place(darya)

    def order():
        return [one.pk for one in Queues([copy.book_id], now=NOW).of(copy.book_id)]

    for whom, where, expected in (
        (third, 1, [third, first, second]),
        (third, 2, [first, third, second]),
        (first, 99, [third, second, first]),
    ):
        move(reservation_id=whom.pk, place=where, why="Экзамен", by=anna, now=NOW)
        assert order() == [one.pk for one in expected]
    assert AuditEntry.objects.first().detail == {"from": 1, "to": 3, "why": "Экзамен"}
    Reservation.objects.filter(pk=second.pk).update(order=Reservation.objects.get(pk=third.pk).order + 1)
    move(reservation_id=first.pk, place=2, why="Нет зазора", by=anna, now=NOW)
    assert order() == [third.pk, first.pk, second.pk]
    with pytest.raises(Invalid, match="why"):
        move(reservation_id=first.pk, place=1, why="", by=anna, now=NOW)


def test_uncollected_ones_expire_on_open_days(place, copy, vera, gleb, anna, centre):
    first, second = place(vera), place(gleb)
    pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW)
    last_day = datetime(2026, 3, 9, 20, 59, tzinfo=UTC)  # 23:59 in Moscow
    assert expire_uncollected(now=last_day) == {"expired": 0}
    ClosedDayFactory(starts_on=date(2026, 3, 10), ends_on=date(2026, 3, 10))
    assert expire_uncollected(now=last_day + timedelta(hours=9)) == {"expired": 0}
    assert expire_uncollected(now=last_day + timedelta(days=1, hours=9)) == {"expired": 1}
    assert expire_uncollected(now=last_day + timedelta(days=1, hours=9)) == {"expired": 0}
    assert state_of(first, second, copy) == ["expired", "ready", "on_hold_shelf"]
    assert second.pickup_until == date(2026, 3, 18)
    assert Notice.objects.filter(event="reservation_expired").get().reader == vera
    assert AuditEntry.objects.filter(action="reservations.expire").get().actor is None


def test_the_shelf_keeps_open_days_only(place, copy, vera, anna, centre):
    for weekday in range(5):
        OpeningHoursFactory(branch=centre, weekday=weekday)
    mine = place(vera)
    pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW)
    assert state_of(mine) == ["ready"]
    assert mine.pickup_until == date(2026, 3, 11)


def test_merged_books_have_one_queue_in_the_order_of_placing(place, copy, new_copy, vera, gleb, anna):
    other = new_copy(book__title="Война и мир, то же издание").book
    first = place(vera)
    second = place(gleb, book_id=other.pk, now=NOW + timedelta(minutes=1))
    third = place(vera, book_id=other.pk, now=NOW + timedelta(minutes=2))
    merging = {"survivor_id": copy.book_id, "merged_ids": [other.pk], "choices": {}, "parts": {}, "by": anna}
    with pytest.raises(Invalid, match="__all__"):
        merge_books(now=NOW, **merging)
    cancel(reservation_id=third.pk, by=vera.user, now=NOW)
    merge_books(now=NOW, **merging)
    assert Queues([copy.book_id], now=NOW).of(copy.book_id) == [first, second]


# --- What is shown -------------------------------------------------------------------------------------------------


def test_how_reservations_stand_takes_six_queries(
    lend, place, copy, vera, gleb, darya, north, django_assert_num_queries
):
    lend(vera)
    place(gleb)
    place(darya, pickup_branch_id=north.pk)
    reservations = list(Reservation.objects.in_full().order_by("pk"))
    with django_assert_num_queries(6):
        found = standings(reservations, now=NOW)
    assert [(one.place, one.waiting, one.expected_on) for one in found] == [
        (1, 2, date(2026, 3, 16)),
        (2, 2, date(2026, 4, 1)),  # fourteen days later, and two on the way
    ]
    assert expected_at(copy.book, vera, [north], now=NOW) == {north.pk: date(2026, 4, 17)}


def test_a_reader_sees_nobody_elses(place, vera, gleb, anna):
    mine, his = place(vera), place(gleb)
    assert list(reservations_visible_to(vera.user)) == [mine]
    assert set(reservations_visible_to(anna)) == {mine, his}


def test_actions_lock_the_book_first_and_take_few_queries(place, copy, vera, anna, centre):
    def statements(deed):
        with CaptureQueriesContext(connection) as queries:
            result = deed()
        said = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        assert 'UPDATE OF "catalog_book"' in said[0]
        return result, len(said)

    mine, reserving = statements(lambda: place(vera))
    _placement, picking = statements(lambda: pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW))
    assert reserving <= 15
    assert picking <= 16
    assert mine.reader == vera
