"""Days closed after the fact: where due dates and pick-up deadlines go, that readers hear of it once, the way back."""

from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import translation

from circulation.actions import return_copy
from circulation.closings import close, preview, undo, work
from circulation.models import Closing
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid
from library.core.models import AuditEntry
from notifications.models import Notice
from policies.calendar import Calendar, ClosedRange, Stretch
from policies.terms import Terms, moved_due_at
from policies.tests.factories import ClosedDayFactory
from reservations.actions import reserve
from reservations.models import Reservation

MOSCOW = ZoneInfo("Europe/Moscow")
IDES = date(2026, 3, 15)
"""The day on which loans of 1 March fall due, a Sunday."""


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


CLOSURE = ClosedRange(date(2026, 3, 11), date(2026, 3, 12))
WEEK = tuple(Stretch(weekday, time(10), time(19)) for weekday in range(6))
CALENDAR = Calendar(zone=MOSCOW, week=WEEK, closed=(CLOSURE, ClosedRange(date(2026, 3, 13), date(2026, 3, 13))))
"""Open Monday to Saturday; closed on Wednesday and Thursday after all, and on Friday the 13th as known before."""
DAYS = "2026-03-12T23:59:59"
MOVES = [
    # due, terms, card until -> due then; the loan was made on Monday 2 March, it is Tuesday the 10th
    (DAYS, {}, None, "2026-03-14T23:59:59"),
    (DAYS, {"due_on_closed": "keep"}, None, DAYS),
    (DAYS, {"due_on_closed": "previous_open"}, None, "2026-03-10T23:59:59"),
    ("2026-03-14T23:59:59", {}, None, "2026-03-14T23:59:59"),
    # two open days were lost: Saturday, and Monday after the Sunday
    (DAYS, {"period_counts": "open_days"}, None, "2026-03-16T23:59:59"),
    ("2026-03-11T23:59:59", {"period_counts": "open_days"}, None, "2026-03-14T23:59:59"),
    # a fixed day is a ceiling, or holds although it is closed; one that is over says nothing
    (DAYS, {"fixed_due_on": date(2026, 3, 13), "fixed_due_mode": "at_latest"}, None, "2026-03-13T23:59:59"),
    (DAYS, {"fixed_due_on": date(2026, 3, 12), "fixed_due_mode": "exactly"}, None, DAYS),
    (DAYS, {"fixed_due_on": date(2026, 2, 12), "fixed_due_mode": "at_latest"}, None, "2026-03-14T23:59:59"),
    # the card expires before: back to the last open day that is left
    (DAYS, {}, "2026-03-12", "2026-03-10T23:59:59"),
    (DAYS, {}, "2026-03-14", "2026-03-14T23:59:59"),
    # to the next opening, or the last closing if that is still ahead
    ("2026-03-12T15:00:00", {"loan_period_unit": "hours"}, None, "2026-03-14T10:00:00"),
    ("2026-03-12T15:00:00", {"loan_period_unit": "hours", "due_on_closed": "previous_open"}, None, "2026-03-10T19:00"),
]  # fmt: skip


def test_where_a_due_date_goes():
    for due, terms, card, expected in MOVES:
        moved = moved_due_at(
            due=local(due),
            start=local("2026-03-02T12:00:00"),
            now=local("2026-03-10T12:00:00"),
            terms=Terms(**terms),
            calendar=CALENDAR,
            closure=CLOSURE,
            card_expires_on=date.fromisoformat(card) if card else None,
        )
        assert moved == local(expected), (due, terms, card)


def test_nothing_goes_back_to_what_is_over():
    moved = moved_due_at(
        due=local(DAYS),
        start=local("2026-03-02T12:00:00"),
        now=local("2026-03-13T09:00:00"),
        terms=Terms(due_on_closed="previous_open"),
        calendar=CALENDAR,
        closure=CLOSURE,
        card_expires_on=None,
    )
    assert moved == local("2026-03-14T23:59:59")


@pytest.fixture(autouse=True)
def english(client):
    """Sentences are compared in English, whatever the library speaks."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield


@pytest.fixture
def closed(centre):
    """The main branch is closed on the 15th and 16th, as it turns out on the 2nd."""
    return ClosedDayFactory(branch=centre, starts_on=IDES, ends_on=IDES + timedelta(days=1), reason="Авария")


@pytest.fixture
def run(centre, boris):
    def make(**changes):
        days = {"branch_id": centre.pk, "starts_on": IDES, "ends_on": IDES + timedelta(days=1)}
        made = close(**(days | {"by": boris, "now": NOW, "reason": "Авария"} | changes))
        return work(closing_id=made.pk, now=NOW)

    return make


@pytest.fixture
def loans(copy, new_copy, vera, north):
    """Two loans of Vera due on the 15th, one of which stays by its terms, and one of the other branch."""
    kept = Terms(due_on_closed="keep").as_json()
    return [
        LoanFactory(copy=copy, reader=vera),
        LoanFactory(copy=new_copy(), reader=vera, terms=kept),
        LoanFactory(copy=new_copy(branch=north), reader=vera),
    ]


def due(loans):
    for loan in loans:
        loan.refresh_from_db()
    return [f"{loan.due_local:%d.%m %H:%M:%S}" for loan in loans]


@pytest.mark.django_db
def test_open_loans_move_once_and_come_back(closed, loans, run, boris):
    assert preview(branch=closed.branch, starts_on=IDES, ends_on=IDES, now=NOW).loans == 1
    made = run()
    assert (made.state, made.total, made.loans) == ("done", 1, 1)
    assert due(loans) == ["17.03 23:59:59", "15.03 23:59:59", "15.03 23:59:59"]
    assert run().loans == 0
    stays = Notice.objects.get(event="branch_closed")
    assert stays.key == f"branch_closed:{loans[1].uid}:2026-03-15:2026-03-16"
    assert (stays.data["until_on"], stays.data["why"]) == ("2026-03-16", "Авария")
    notice = Notice.objects.exclude(pk=stays.pk).get()
    assert (notice.event, notice.data["due_on"], notice.data["why"]) == ("due_date_moved", "2026-03-17", "Авария")
    assert AuditEntry.objects.filter(action="circulation.move_due_date", subject_id=loans[0].pk).count() == 1

    undo(closing_id=made.pk, by=boris, now=NOW)
    assert work(closing_id=made.pk, now=NOW).state == "undone"
    assert due(loans)[0] == "15.03 23:59:59"
    undo(closing_id=made.pk, by=boris, now=NOW)
    assert Notice.objects.filter(event="due_date_moved").count() == 2


@pytest.mark.django_db
def test_what_was_changed_since_stays(closed, loans, run, boris, anna, centre):
    made = run()
    return_copy(copy_id=loans[0].copy_id, by=anna, branch_id=centre.pk, now=NOW)
    undo(closing_id=made.pk, by=boris, now=NOW)
    work(closing_id=made.pk, now=NOW)
    assert due(loans)[0] == "17.03 23:59:59"


@pytest.mark.django_db
def test_overdue_since_the_closed_day_is_in_time_again(closed, loans, run):
    loans[0].overdue_since = NOW
    loans[0].save()
    run(now=NOW + timedelta(days=13))
    loans[0].refresh_from_db()
    assert loans[0].overdue_since is None


@pytest.mark.django_db
def test_pick_up_deadlines_move_too(copy, vera, anna, centre, run, boris):
    reserve(book_id=copy.book_id, reader_id=vera.pk, pickup_branch_id=centre.pk, by=anna, now=NOW)
    return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW)
    ninth = date(2026, 3, 9)
    assert Reservation.objects.get().pickup_until == ninth
    ClosedDayFactory(branch=None, starts_on=ninth, ends_on=ninth)
    made = run(branch_id=None, starts_on=ninth, ends_on=ninth)
    assert (made.loans, made.pickups) == (0, 1)
    assert Reservation.objects.get().pickup_until == date(2026, 3, 10)
    assert list(Notice.objects.order_by("pk").values_list("event", flat=True)) == ["reservation_ready", "pickup_moved"]
    undo(closing_id=made.pk, by=boris, now=NOW)
    work(closing_id=made.pk, now=NOW)
    assert Reservation.objects.get().pickup_until == ninth


@pytest.mark.django_db
def test_many_are_moved_in_steps_with_few_queries(
    closed, run, vera, new_copy, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr("circulation.closings.STEP", 2)
    for _ in range(5):
        LoanFactory(copy=new_copy(), reader=vera)
    with django_assert_max_num_queries(85):
        assert run().loans == 5


@pytest.mark.django_db
def test_days_that_are_open_are_not_closed(loans, run, rule):
    with pytest.raises(Invalid):
        run()
    with pytest.raises(CommandError, match="Not all of these days are closed"):
        call_command("move_due_dates", "2026-03-15", "--branch", "centre")
    assert not Closing.objects.exists()


@pytest.mark.django_db
def test_the_command(closed, loans):
    said = StringIO()
    asked = ("move_due_dates", "2026-03-15", "2026-03-16", "--branch", "centre")
    call_command(*asked, "--dry-run", stdout=said)
    assert due(loans)[0] == "15.03 23:59:59"
    call_command(*asked, stdout=said)
    assert due(loans)[0] == "17.03 23:59:59"
    assert said.getvalue().count("Loans: 1; pick-up deadlines: 0.") == 2


@pytest.mark.django_db
def test_a_closed_day_entered_on_the_panel_leads_to_what_falls_on_it(client, boris, centre, loans):
    day = datetime.now(UTC).astimezone(MOSCOW).date() + timedelta(days=5)
    loans[0].due_at = datetime.combine(day, time(20, 59, 59), UTC)
    loans[0].save()
    client.force_login(boris)
    entered = {"branch": centre.pk, "starts_on": f"{day}", "ends_on": f"{day}", "reason": "Ремонт"}
    page = client.post(reverse("admin:policies_closedday_add"), entered, follow=True)
    assert page.context["found"].loans == 1
    assert "Война и мир" in page.content.decode()
    assert page.context["form"]["reason"].value() == "Ремонт"
    done = client.post(reverse("closing_preview"), entered, follow=True)
    assert (done.context["made"].state, done.context["made"].loans) == ("done", 1)
    back = client.post(reverse("undo_closing", args=[done.context["made"].uid]), follow=True)
    assert back.context["made"].state == "undone"
    nothing = {"branch": "", "starts_on": "2026-01-07", "ends_on": "2026-01-07", "reason": "Рождество"}
    listed = client.post(reverse("admin:policies_closedday_add"), nothing, follow=True)
    assert listed.redirect_chain[-1][0] == reverse("admin:policies_closedday_changelist")
