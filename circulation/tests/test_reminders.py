"""The daily check: who is reminded of what on which day, once."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from accounts.tests.factories import ReaderFactory
from catalog.models import Copy
from catalog.tests.factories import CopyFactory
from circulation import reminders
from circulation.models import Loan
from circulation.reminders import Stage, check_due_dates, latest_stage
from circulation.tests.factories import LoanFactory
from library.core.models import JobRun
from notifications.bundling import bundle
from notifications.models import Event, Letter, Notice
from policies.terms import Terms
from policies.tests.factories import BranchFactory

# --- The rule ------------------------------------------------------------------------------------------------------

LENT, DUE = date(2026, 3, 1), date(2026, 3, 15)
SOON, LATE, DURING = Event.DUE_SOON, Event.OVERDUE, Event.LOAN_REMINDER


def stage(today, terms=None, settled=LENT):
    today = date(2026, *today) if len(today) == 2 else date(*today)
    return latest_stage(
        terms=terms or Terms(), lent_on=LENT, settled_on=settled, due_on=DUE, is_overdue=today > DUE, today=today
    )


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ((3, 11), None),
        ((3, 12), Stage(date(2026, 3, 12), SOON, 3)),
        ((3, 14), Stage(date(2026, 3, 12), SOON, 3)),
        ((3, 15), Stage(date(2026, 3, 15), SOON, 0)),
        ((3, 16), Stage(date(2026, 3, 16), LATE, 1)),
        ((3, 21), Stage(date(2026, 3, 16), LATE, 1)),
        ((3, 22), Stage(date(2026, 3, 22), LATE, 7)),
        ((3, 29), Stage(date(2026, 3, 29), LATE, 14)),
        ((4, 5), Stage(date(2026, 3, 29), LATE, 14)),
        ((4, 6), None),
        ((4, 14), Stage(date(2026, 4, 14), LATE, 30)),
        ((4, 21), Stage(date(2026, 4, 14), LATE, 30)),
        ((4, 22), None),
        ((2027, 4, 14), None),
    ],
)
def test_default_terms(today, expected):
    """A stage stands until the next one, or for seven days; its key makes sure that it is told once."""
    assert stage(today) == expected


@pytest.mark.parametrize(
    ("today", "number"),
    [((3, 10), None), ((3, 11), 10), ((3, 13), 10), ((3, 14), 13), ((3, 17), 16), ((3, 31), 28), ((4, 1), 31)],
)
def test_from_day_ten_then_every_three_days_until_return(today, number):
    terms = Terms(remind_before_days=(), remind_overdue_days=(), remind_from_day=10, remind_every_days=3)
    expected = number and Stage(LENT + timedelta(days=number), DURING, number)
    assert stage(today, terms) == expected


def test_from_day_ten_once():
    terms = Terms(remind_before_days=(), remind_overdue_days=(), remind_from_day=10)
    assert stage((3, 11), terms) == stage((3, 18), terms) == Stage(date(2026, 3, 11), DURING, 10)
    assert stage((3, 19), terms) is None


def test_nothing_is_told_when_the_terms_ask_for_nothing():
    terms = Terms(remind_before_days=(), remind_overdue_days=(), remind_from_day=None)
    assert [stage((3, day), terms) for day in range(1, 32)] == [None] * 31


def test_on_one_day_the_most_urgent_is_told():
    terms = Terms(remind_before_days=(3, 0), remind_overdue_days=(1,), remind_from_day=11, remind_every_days=1)
    assert stage((3, 12), terms).event == SOON
    assert stage((3, 13), terms).event == DURING
    assert stage((3, 15), terms).event == SOON
    assert stage((3, 16), terms).event == LATE
    assert stage((3, 17), terms) == Stage(date(2026, 3, 17), DURING, 16)


def test_what_fell_before_check_out_or_renewal_is_not_told():
    assert stage((3, 12), Terms(remind_before_days=(14, 20))) is None, "on the day of check-out, and before"
    assert stage((3, 13), settled=date(2026, 3, 13)) is None, "renewed today, the third day before was yesterday"
    assert stage((3, 15), settled=date(2026, 3, 13)).number == 0


def test_a_due_soon_that_was_missed_is_not_told_of_an_overdue_loan():
    assert stage((3, 16), Terms(remind_overdue_days=(7,))) is None


def test_an_hour_loan_that_is_over_is_not_due_soon():
    day = date(2026, 3, 2)
    hours = {"terms": Terms(), "lent_on": LENT, "settled_on": LENT, "due_on": day, "today": day}
    assert latest_stage(**hours, is_overdue=False) == Stage(day, SOON, 0)
    assert latest_stage(**hours, is_overdue=True) is None


# --- The check -----------------------------------------------------------------------------------------------------


def at(day, hour=8, month=3):
    """That hour in Moscow."""
    return datetime(2026, month, day, hour - 3, tzinfo=UTC)


@pytest.fixture
def anna(db):
    return ReaderFactory(full_name="Анна", email="anna@example.org")


def written():
    return sorted(Notice.objects.values_list("event", "stage", "reader__email", "data__title"))


def loan_of(reader, title, **changes):
    return LoanFactory(reader=reader, copy=CopyFactory(book__title=title), **changes)


def test_a_loan_is_reminded_through_its_life_once_a_stage(anna):
    """Every day is checked three times over two months; lent on 1 March, due on the 15th."""
    loan_of(anna, "Мать")
    told = {}
    for day in range(60):
        for hour in (8, 12, 23):
            now = at(2, hour) + timedelta(days=day)
            for event, count in check_due_dates(now=now).reminders.items():
                told[event, now.date()] = count
    assert told == {
        ("due_soon", date(2026, 3, 12)): 1,
        ("due_soon", date(2026, 3, 15)): 1,
        ("overdue", date(2026, 3, 16)): 1,
        ("overdue", date(2026, 3, 22)): 1,
        ("overdue", date(2026, 3, 29)): 1,
        ("overdue", date(2026, 4, 14)): 1,
    }
    assert written() == [
        ("due_soon", 0, "anna@example.org", "Мать"),
        ("due_soon", 3, "anna@example.org", "Мать"),
        ("overdue", 1, "anna@example.org", "Мать"),
        ("overdue", 7, "anna@example.org", "Мать"),
        ("overdue", 14, "anna@example.org", "Мать"),
        ("overdue", 30, "anna@example.org", "Мать"),
    ]


def test_missed_days_catch_up_with_the_latest_stage_alone(anna):
    loan_of(anna, "Мать")
    assert check_due_dates(now=at(12)).reminders == {"due_soon": 1}
    assert check_due_dates(now=at(24)).reminders == {"overdue": 1}
    assert [row[:2] for row in written()] == [("due_soon", 3), ("overdue", 7)]
    assert Notice.objects.get(stage=7).data["due_on"] == "2026-03-15"


def test_the_loans_own_terms_count_not_todays_rules(anna):
    loan_of(anna, "Мать", terms=Terms(remind_before_days=(5,), remind_overdue_days=()).as_json())
    assert check_due_dates(now=at(9)).reminders == {}
    assert check_due_dates(now=at(10)).reminders == {"due_soon": 1}


def test_a_renewed_loan_starts_over(anna):
    loan = loan_of(anna, "Мать")
    check_due_dates(now=at(12))
    loan.due_at += timedelta(days=14)
    loan.last_renewed_at = at(13)
    loan.save(update_fields=["due_at", "last_renewed_at"])
    assert check_due_dates(now=at(16)).reminders == {}
    assert check_due_dates(now=at(26)).reminders == {"due_soon": 1}
    assert Notice.objects.latest("created_at").data["due_on"] == "2026-03-29"


def test_the_day_is_that_of_the_branch_whose_rules_hold(anna, settings):
    """At 21:30 on the 11th in Moscow it is the 12th in Vladivostok, and the loan due there on the 15th calls."""
    far = BranchFactory(time_zone="Asia/Vladivostok")
    due = datetime(2026, 3, 15, 13, 59, 59, tzinfo=UTC)
    LoanFactory(reader=anna, copy=CopyFactory(branch=far, book__title="Там"), due_at=due)
    loan_of(anna, "Здесь")
    assert check_due_dates(now=at(11, 21)).reminders == {"due_soon": 1}
    assert [row[3] for row in written()] == ["Там"]
    settings.LENDING_BRANCH = "desk"
    LoanFactory(reader=anna, copy=CopyFactory(book__title="С того стола"), branch=far, due_at=due)
    assert check_due_dates(now=at(11, 21)).reminders == {"due_soon": 1}
    assert [row[3] for row in written()] == ["С того стола", "Там"]


def test_overdue_loans_are_marked_once(anna):
    late, in_time = loan_of(anna, "Мать"), loan_of(anna, "Дар", checked_out_at=datetime(2026, 3, 10, 9, tzinfo=UTC))
    returned = loan_of(anna, "Идиот", returned_at=datetime(2026, 3, 20, tzinfo=UTC))
    assert check_due_dates(now=at(15)).marked_overdue == 0
    assert check_due_dates(now=at(16)).marked_overdue == 1
    assert check_due_dates(now=at(17)).marked_overdue == 0
    for loan in (late, in_time, returned):
        loan.refresh_from_db()
    assert (late.overdue_since, in_time.overdue_since, returned.overdue_since) == (at(16), None, None)


def test_returned_and_lost_copies_are_not_asked_for(anna):
    loan_of(anna, "Мать", returned_at=at(10))
    lost = loan_of(anna, "Дар")
    Copy.objects.filter(pk=lost.copy_id).update(status=Copy.Status.LOST)
    summary = check_due_dates(now=at(12))
    assert (summary.open_loans, summary.reminders) == (0, {})


def test_readers_whom_nothing_reaches_are_counted_for_the_telephone(anna):
    loan_of(ReaderFactory(email=""), "Мать")
    loan_of(anna, "Дар")
    summary = check_due_dates(now=at(12))
    assert (summary.unreachable, summary.reminders) == (1, {"due_soon": 2})


def test_all_books_of_a_reader_travel_in_one_letter_a_stage(anna):
    for title in ("Мать", "Дар", "Идиот"):
        loan_of(anna, title)
    loan_of(anna, "Обломов", due_at=at(12, 15))
    check_due_dates(now=at(12))
    assert bundle(now=at(12)) == 2
    assert sorted(letter.notices.count() for letter in Letter.objects.all()) == [1, 3]


def test_a_batch_never_ends_amid_a_readers_loans(anna, monkeypatch):
    """Whatever the order of the readers' names."""
    monkeypatch.setattr(reminders, "BATCH_SIZE", 2)
    boris, aaron = ReaderFactory(full_name="Борис"), ReaderFactory(full_name="Аарон")
    for reader in (anna, boris, anna, aaron, anna, boris, aaron, aaron):
        loan_of(reader, "Мать")
    batches = [[loan.reader_id for loan in batch] for batch in reminders._batches()]
    assert batches == [[anna.pk] * 3, [boris.pk] * 2, [aaron.pk] * 3]
    summary = check_due_dates(now=at(16))
    assert (summary.open_loans, summary.marked_overdue, summary.reminders) == (8, 8, {"overdue": 8})


def test_queries_do_not_grow_with_the_loans(anna, django_assert_num_queries):
    for _ in range(30):
        loan_of(ReaderFactory(), "Мать")
    with django_assert_num_queries(10):
        assert check_due_dates(now=at(16)).reminders == {"overdue": 30}
    with django_assert_num_queries(6):
        assert check_due_dates(now=at(17)).reminders == {}


# --- The command ---------------------------------------------------------------------------------------------------


def run(*arguments):
    out = StringIO()
    with translation.override("en"):
        call_command("check_due_dates", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_writes_whatever_the_hour_and_says_what(anna):
    now = datetime.now(UTC)
    loan_of(anna, "Мать", checked_out_at=now - timedelta(days=15), due_at=now - timedelta(days=1))
    assert "1 loan newly overdue." in run()
    assert Notice.objects.get().event == "overdue"
    assert Loan.objects.get().overdue_since is not None
    assert not JobRun.objects.exists()
    assert "0 loans newly overdue." in run()


def test_a_dry_run_of_any_day_writes_nothing(anna):
    loan_of(anna, "Мать")
    output = run("--dry-run", "--date", "2026-03-16")
    assert "1 loan newly overdue." in output
    assert "Reminders (overdue): 1." in output
    assert not Notice.objects.exists()
    assert Loan.objects.get().overdue_since is None


def test_another_day_is_for_dry_runs_alone():
    with pytest.raises(CommandError):
        run("--date", "2026-03-16")
