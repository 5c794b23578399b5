"""Check-out, renewal and return: every effect, every refusal, and that a refusal writes nothing."""

import re
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ReaderBlock
from accounts.tests.factories import ReaderBlockFactory
from catalog.models import Copy
from circulation.actions import check_out, preview_check_out, renew, return_copy
from circulation.models import Loan, Reading
from circulation.rules import Reason
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid, Refused
from library.core.models import AuditEntry
from notifications.models import Notice
from policies.models import LendingRule
from policies.terms import Terms
from policies.tests.factories import ClosedDayFactory, LendingRuleFactory, OpeningHoursFactory

DUE = datetime(2026, 3, 16, 20, 59, 59, tzinfo=UTC)
"""The end of 16 March in Moscow: fourteen days after NOW."""


def everything():
    """All that circulation writes, to be compared before and after."""
    return {
        "loans": list(Loan.objects.order_by("pk").values()),
        "copies": list(Copy.objects.order_by("pk").values_list("pk", "status")),
        "blocks": list(ReaderBlock.objects.order_by("pk").values()),
        "audit": AuditEntry.objects.count(),
        "notices": Notice.objects.count(),
    }


@contextmanager
def nothing_written():
    before = everything()
    yield
    assert everything() == before


@pytest.fixture
def lend(copy, vera, anna, centre):
    """A function: check out the copy to Vera by Anna at the main desk, unless told otherwise."""

    def act(**changes):
        usual = {"copy_id": copy.pk, "reader_id": vera.pk, "by": anna, "branch_id": centre.pk, "now": NOW}
        return check_out(**(usual | changes))

    return act


@pytest.fixture
def take_back(copy, anna, centre):
    """A function: return the copy to Anna at the main desk, unless told otherwise."""

    def act(**changes):
        return return_copy(**({"copy_id": copy.pk, "by": anna, "branch_id": centre.pk, "now": NOW} | changes))

    return act


def refused(act, **changes):
    """The codes of a refusal, which wrote nothing."""
    with nothing_written(), pytest.raises(Refused) as error:
        act(**changes)
    return [refusal.reason.value for refusal in error.value.refusals]


def status_of(copy):
    return Copy.objects.values_list("status", flat=True).get(pk=copy.pk)


# --- Check-out -----------------------------------------------------------------------------------------------------


def test_check_out_lends(lend, copy, vera, anna, centre):
    outcome = lend()
    loan = Loan.objects.get()
    assert (outcome.loan, outcome.overridden, outcome.returned) == (loan, (), None)
    assert (loan.copy, loan.reader, loan.branch, loan.checked_out_by) == (copy, vera, centre, anna)
    assert (loan.checked_out_at, loan.due_at, loan.renewals, loan.returned_at) == (NOW, DUE, 0, None)
    assert Terms.from_json(loan.terms) == Terms()
    assert status_of(copy) == "loaned"


def test_check_out_is_audited(lend, anna):
    loan = lend().loan
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.at) == ("circulation.check_out", anna, NOW)
    assert (entry.subject_type, entry.subject_id) == ("circulation.loan", loan.pk)
    assert entry.subject_name == "INV-1 → Вера Читатель (R000001)"
    assert entry.detail == {"due_at": "2026-03-16T23:59:59+03:00", "limits": [{"limit": 3}]}


def test_check_out_sends_a_receipt(lend, vera):
    loan = lend().loan
    notice = Notice.objects.get()
    assert (notice.event, notice.reader, notice.key) == ("loan_receipt", vera, f"loan_receipt:{loan.uid}")
    assert notice.data == {
        "loan": str(loan.uid),
        "title": "Война и мир",
        "authors": "Толстой, Лев",
        "inventory_number": "INV-1",
        "branch": "Центр",
        "due_on": "2026-03-16",
        "due_time": "",
    }


def test_the_terms_are_those_of_category_type_and_branch(lend, copy, adult, book_type, centre):
    LendingRuleFactory(category=adult, loan_period=30)
    LendingRuleFactory(item_type=book_type, branch=centre, max_renewals=7)
    loan = lend().loan
    assert loan.due_at == datetime(2026, 4, 1, 20, 59, 59, tzinfo=UTC)
    assert (loan.terms["loan_period"], loan.terms["max_renewals"]) == (30, 7)


def test_later_rules_do_not_rewrite_a_loan(lend, rule):
    loan = lend().loan
    LendingRule.objects.filter(pk=rule.pk).update(loan_period=1, max_renewals=0)
    outcome = renew(loan_id=loan.pk, by=None, now=NOW)
    assert outcome.loan.due_at == DUE + timedelta(days=14)


def test_rules_of_the_copys_branch_hold_at_another_desk(lend, north):
    LendingRuleFactory(branch=north, loan_period=1)
    loan = lend(branch_id=north.pk).loan
    assert (loan.branch, loan.due_at) == (north, DUE)


def test_rules_of_the_desk_hold_where_the_setting_says_so(lend, north, settings):
    settings.LENDING_BRANCH = "desk"
    LendingRuleFactory(branch=north, loan_period=1)
    assert lend(branch_id=north.pk).loan.due_at == datetime(2026, 3, 3, 20, 59, 59, tzinfo=UTC)


def test_hour_loans_are_due_to_the_minute(lend, rule):
    LendingRule.objects.filter(pk=rule.pk).update(loan_period=3, loan_period_unit="hours")
    assert lend().loan.due_at == NOW + timedelta(hours=3)


def test_closed_days_move_the_due_date(lend, centre):
    ClosedDayFactory(branch=centre, starts_on=date(2026, 3, 16), ends_on=date(2026, 3, 18))
    assert lend().loan.due_at == datetime(2026, 3, 19, 20, 59, 59, tzinfo=UTC)


def test_the_due_date_is_of_the_branchs_time_zone(lend, centre):
    centre.time_zone = "Asia/Vladivostok"
    centre.save(update_fields=["time_zone"])
    assert lend().loan.due_at == datetime(2026, 3, 16, 13, 59, 59, tzinfo=UTC)


def test_a_branch_that_never_opens_lends_nothing(lend, centre):
    OpeningHoursFactory(branch=centre)
    ClosedDayFactory(branch=centre, starts_on=date(2026, 1, 1), ends_on=date(2099, 1, 1))
    with nothing_written(), pytest.raises(Invalid) as error:
        lend()
    assert list(error.value.errors) == ["branch"]


def test_three_loans_and_no_fourth(lend, new_copy):
    for _ in range(3):
        lend(copy_id=new_copy().pk)
    with nothing_written(), pytest.raises(Refused) as error:
        lend()
    (refusal,) = error.value.refusals
    assert refusal.reason == Reason.LOAN_LIMIT
    assert (refusal.data["count"], refusal.data["limit"], refusal.data["kind"]) == (3, 3, "rule")
    assert refusal.override == "circulation.override_loan_limit"


def test_returned_loans_do_not_count(lend, vera, copy):
    for _ in range(5):
        LoanFactory(reader=vera, returned_at=NOW)
    lend()
    assert status_of(copy) == "loaned"


def test_a_limit_counts_the_loans_of_its_own_rule(lend, new_copy, vera, book_type, centre, north):
    LendingRuleFactory(item_type=book_type, branch=centre, max_loans=1)
    LoanFactory(reader=vera)
    LoanFactory(reader=vera, copy=new_copy(branch=north))
    LoanFactory(reader=vera, copy__branch=centre)
    assert lend().loan.pk
    second = new_copy()
    with nothing_written(), pytest.raises(Refused) as error:
        lend(copy_id=second.pk)
    (refusal,) = error.value.refusals
    assert (refusal.data["count"], refusal.data["limit"]) == (1, 1)
    assert (refusal.data["category"], refusal.data["item_type"], refusal.data["branch"]) == (None, "Книга", "Центр")


def test_a_category_limits_all_loans_together(lend, vera, adult):
    adult.max_total_loans = 1
    adult.save(update_fields=["max_total_loans"])
    LoanFactory(reader=vera)
    with nothing_written(), pytest.raises(Refused) as error:
        lend()
    (refusal,) = error.value.refusals
    assert (refusal.data["kind"], refusal.data["count"], refusal.data["limit"]) == ("category", 1, 1)


def change(thing, **fields):
    for name, value in fields.items():
        setattr(thing, name, value)
    thing.save(update_fields=list(fields))


def card_expired(world):
    change(world["vera"], registered_on=date(2025, 1, 1), expires_on=date(2026, 3, 1))


def card_lost(world):
    change(world["vera"], is_card_lost=True)


def blocked(world):
    ReaderBlockFactory(reader=world["vera"], starts_on=date(2026, 3, 2))


def suspended(world):
    ReaderBlockFactory(reader=world["vera"], kind="suspension", starts_on=date(2026, 2, 1), ends_on=date(2026, 3, 2))


def too_many_overdue(world):
    change(world["adult"], max_overdue_loans=0)
    LoanFactory(reader=world["vera"], checked_out_at=NOW - timedelta(days=30))


def too_young(world):
    change(world["vera"], birth_date=date(2008, 3, 3))
    LendingRule.objects.update(minimum_age=18)


def status(value):
    return lambda world: change(world["copy"], status=value)


def not_lent_by_the_rules(world):
    LendingRuleFactory(item_type=world["book_type"], loanable=False)


def reference_only(world):
    change(world["copy"], is_reference_only=True)


def loaned_to_vera(world):
    LoanFactory(copy=world["copy"], reader=world["vera"], checked_out_at=NOW - timedelta(days=1))


def loaned_to_gleb(world):
    LoanFactory(copy=world["copy"], reader=world["gleb"], checked_out_at=NOW - timedelta(days=1))


def no_loans_allowed(world):
    LendingRule.objects.update(max_loans=0)


def another_copy_of_the_book(world):
    other = world["new_copy"](book=world["copy"].book)
    LoanFactory(copy=other, reader=world["vera"], checked_out_at=NOW - timedelta(days=1))


OBSTACLES = {
    Reason.CARD_EXPIRED: card_expired,
    Reason.CARD_LOST: card_lost,
    Reason.READER_BLOCKED: blocked,
    Reason.READER_SUSPENDED: suspended,
    Reason.OVERDUE_LIMIT: too_many_overdue,
    Reason.AGE_RESTRICTED: too_young,
    Reason.COPY_WITHDRAWN: status("withdrawn"),
    Reason.COPY_LOST: status("lost"),
    Reason.COPY_DAMAGED: status("damaged"),
    Reason.COPY_ON_ORDER: status("on_order"),
    Reason.NOT_FOR_LOAN: not_lent_by_the_rules,
    Reason.IN_LIBRARY_USE_ONLY: reference_only,
    Reason.ALREADY_LOANED_TO_READER: loaned_to_vera,
    Reason.LOANED_TO_ANOTHER: loaned_to_gleb,
    Reason.LOAN_LIMIT: no_loans_allowed,
    Reason.SAME_BOOK_ON_LOAN: another_copy_of_the_book,
}
ABSOLUTE = {
    Reason.CARD_LOST,
    Reason.COPY_WITHDRAWN,
    Reason.COPY_ON_ORDER,
    Reason.IN_LIBRARY_USE_ONLY,
    Reason.ALREADY_LOANED_TO_READER,
}
LIBRARIANS = {
    Reason.CARD_EXPIRED,
    Reason.AGE_RESTRICTED,
    Reason.COPY_LOST,
    Reason.COPY_DAMAGED,
    Reason.LOANED_TO_ANOTHER,
    Reason.SAME_BOOK_ON_LOAN,
}
"""What a librarian may override; an administrator may override all that is not absolute."""


@pytest.fixture
def world(vera, gleb, copy, adult, book_type, new_copy):
    return {
        "vera": vera,
        "gleb": gleb,
        "copy": copy,
        "adult": adult,
        "book_type": book_type,
        "new_copy": new_copy,
    }


@pytest.mark.parametrize("reason", OBSTACLES)
def test_check_out_is_refused(reason, world, lend):
    OBSTACLES[reason](world)
    assert refused(lend) == [reason.value]


def test_the_unknown_is_refused(lend):
    assert refused(lend, copy_id=0, reader_id=0) == ["reader_unknown", "copy_unknown"]
    assert refused(lend, copy_id=0) == ["copy_unknown"]
    assert refused(lend, reader_id=0) == ["reader_unknown"]


def test_all_reasons_come_at_once(world, lend):
    for obstacle in (card_expired, blocked, status("damaged"), no_loans_allowed, another_copy_of_the_book):
        obstacle(world)
    assert refused(lend) == ["card_expired", "reader_blocked", "copy_damaged", "loan_limit", "same_book_on_loan"]


def test_lifted_ended_and_future_blocks_do_not_hold(lend, vera):
    ReaderBlockFactory(reader=vera, starts_on=date(2026, 1, 1), lifted_at=NOW)
    ReaderBlockFactory(reader=vera, starts_on=date(2026, 1, 1), ends_on=date(2026, 3, 1))
    ReaderBlockFactory(reader=vera, starts_on=date(2026, 3, 3))
    assert lend().loan.pk


def test_the_day_is_that_of_the_branch(lend, vera):
    change(vera, expires_on=date(2026, 3, 2))
    late_evening = datetime(2026, 3, 2, 20, 59, tzinfo=UTC)
    assert lend(now=late_evening).loan.pk
    assert "card_expired" in refused(lend, now=late_evening + timedelta(minutes=1))


def test_an_adult_category_vouches_for_the_age(lend, vera, adult):
    change(vera, birth_date=None)
    LendingRule.objects.update(minimum_age=18)
    assert refused(lend) == ["age_restricted"]
    change(adult, minimum_age=18)
    assert lend().loan.pk


# --- Overrides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [reason for reason in OBSTACLES if reason not in ABSOLUTE])
def test_an_administrator_overrides_with_a_note(reason, world, lend, boris, copy):
    OBSTACLES[reason](world)
    outcome = lend(by=boris, overrides={reason}, note=" Паспорт показан ")
    assert [refusal.reason for refusal in outcome.overridden] == [reason]
    assert outcome.loan.reader == world["vera"]
    assert status_of(copy) == "loaned"
    detail = AuditEntry.objects.get(action="circulation.check_out").detail
    assert [one["reason"] for one in detail["overridden"]] == [reason.value]
    assert detail["note"] == "Паспорт показан"


@pytest.mark.parametrize("reason", sorted(ABSOLUTE))
def test_nobody_overrides_the_absolute(reason, world, lend, boris):
    OBSTACLES[reason](world)
    assert refused(lend, by=boris, overrides=set(Reason), note="Очень надо") == [reason.value]


@pytest.mark.parametrize("reason", [reason for reason in OBSTACLES if reason not in ABSOLUTE])
def test_librarians_override_the_mild_reasons_only(reason, world, lend):
    OBSTACLES[reason](world)
    if reason in LIBRARIANS:
        assert lend(overrides={reason}, note="Паспорт показан").overridden
    else:
        assert refused(lend, overrides={reason}, note="Паспорт показан") == [reason.value]


def test_an_override_needs_a_note(world, lend, boris):
    card_expired(world)
    with nothing_written(), pytest.raises(Invalid) as error:
        lend(by=boris, overrides={Reason.CARD_EXPIRED}, note="  ")
    assert list(error.value.errors) == ["note"]


def test_what_is_not_overridden_is_still_refused(world, lend, boris):
    card_expired(world)
    status("damaged")(world)
    assert refused(lend, by=boris, overrides={Reason.CARD_EXPIRED}, note="Завтра продлит") == ["copy_damaged"]


def test_readers_and_the_system_override_nothing(world, lend, vera):
    card_expired(world)
    assert refused(lend, by=vera.user, overrides={Reason.CARD_EXPIRED}, note="Мне можно") == ["card_expired"]
    assert refused(lend, by=None, overrides={Reason.CARD_EXPIRED}, note="Системе можно") == ["card_expired"]


def test_overriding_what_does_not_stand_in_the_way_leaves_no_trace(lend, boris):
    outcome = lend(by=boris, overrides={Reason.LOAN_LIMIT, Reason.LOANED_TO_ANOTHER})
    assert (outcome.overridden, outcome.returned) == ((), None)
    assert "overridden" not in AuditEntry.objects.get().detail


def test_a_copy_on_loan_to_another_is_returned_first(lend, copy, vera, gleb, anna, north):
    first = LoanFactory(
        copy=copy,
        reader=gleb,
        checked_out_at=NOW - timedelta(days=20),
        due_at=datetime(2026, 2, 27, 20, 59, 59, tzinfo=UTC),
        terms=Terms(suspension_days_per_day=2).as_json(),
    )
    outcome = lend(overrides={Reason.LOANED_TO_ANOTHER}, note="Принёс сосед", branch_id=north.pk)
    first.refresh_from_db()
    assert (first.returned_at, first.returned_by, first.return_branch) == (NOW, anna, north)
    assert outcome.returned.loan == first
    assert outcome.returned.overdue_days == 3
    assert [(one.what, one.data) for one in outcome.returned.happenings] == [
        ("suspended_until", {"until": date(2026, 3, 8)})
    ]
    assert Loan.objects.open().get().reader == vera
    assert status_of(copy) == "loaned"
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "circulation.return",
        "accounts.block",
        "circulation.check_out",
    ]


def test_a_lost_copy_is_found_by_lending_it(lend, copy):
    change(copy, status="lost")
    lend(overrides={Reason.COPY_LOST}, note="Стояла не на месте")
    assert status_of(copy) == "loaned"


# --- Preview -------------------------------------------------------------------------------------------------------


def test_preview_tells_the_due_date_and_writes_nothing(copy, vera, centre):
    with nothing_written():
        preview = preview_check_out(copy_id=copy.pk, reader_id=vera.pk, branch_id=centre.pk, now=NOW)
    assert (preview.refusals, preview.due_at, preview.terms) == ((), DUE, Terms())


def test_preview_tells_all_reasons(world, copy, vera, centre):
    card_expired(world)
    status("damaged")(world)
    preview = preview_check_out(copy_id=copy.pk, reader_id=vera.pk, branch_id=centre.pk, now=NOW)
    assert [refusal.reason for refusal in preview.refusals] == ["card_expired", "copy_damaged"]
    nobody = preview_check_out(copy_id=0, reader_id=0, branch_id=centre.pk, now=NOW)
    assert [refusal.reason for refusal in nobody.refusals] == ["reader_unknown", "copy_unknown"]
    assert (nobody.due_at, nobody.terms) == (None, None)


def test_preview_locks_nothing(copy, vera, centre):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        preview_check_out(copy_id=copy.pk, reader_id=vera.pk, branch_id=centre.pk, now=NOW)
    assert locks_in(queries) == []


# --- Renewal -------------------------------------------------------------------------------------------------------


@pytest.fixture
def loan(copy, vera, centre):
    """Vera's loan of 1 March, due on 15 March."""
    return LoanFactory(copy=copy, reader=vera, branch=centre)


def test_renewal_extends(loan, anna):
    outcome = renew(loan_id=loan.pk, by=anna, now=NOW)
    loan.refresh_from_db()
    assert outcome.loan == loan
    assert outcome.overridden == ()
    assert loan.due_at == datetime(2026, 3, 29, 20, 59, 59, tzinfo=UTC)
    assert (loan.renewals, loan.last_renewed_at) == (1, NOW)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.subject_id) == ("circulation.renew", anna, loan.pk)
    assert entry.detail == {"due_at": "2026-03-29T23:59:59+03:00", "was_due_at": "2026-03-15T20:59:59Z"}


def test_renewal_of_an_overdue_loan_clears_the_mark(loan, anna):
    later = datetime(2026, 3, 20, 9, tzinfo=UTC)
    change(loan, overdue_since=datetime(2026, 3, 16, 1, tzinfo=UTC))
    renew(loan_id=loan.pk, by=anna, now=later)
    loan.refresh_from_db()
    assert loan.overdue_since is None
    assert loan.due_at == datetime(2026, 3, 29, 20, 59, 59, tzinfo=UTC)


def test_a_reader_renews_own_loans_twice_and_no_more(loan, vera):
    renew(loan_id=loan.pk, by=vera.user, now=NOW)
    renew(loan_id=loan.pk, by=vera.user, now=NOW)
    assert refused(renew, loan_id=loan.pk, by=vera.user, now=NOW) == ["renewal_limit"]
    assert refused(
        renew, loan_id=loan.pk, by=vera.user, now=NOW, overrides={Reason.RENEWAL_LIMIT}, note="Мне можно"
    ) == ["renewal_limit"]


def test_an_administrator_renews_beyond_the_limit_with_a_note(loan, anna, boris):
    change(loan, renewals=2)
    act = {"loan_id": loan.pk, "now": NOW, "overrides": {Reason.RENEWAL_LIMIT}}
    assert refused(renew, by=anna, note="Экзамен", **act) == ["renewal_limit"]
    with nothing_written(), pytest.raises(Invalid):
        renew(by=boris, **act)
    outcome = renew(by=boris, note="Экзамен", **act)
    assert [refusal.reason for refusal in outcome.overridden] == ["renewal_limit"]
    assert outcome.loan.renewals == 3
    assert AuditEntry.objects.get().detail["note"] == "Экзамен"


def test_a_returned_or_unknown_loan_is_not_renewed(loan, anna):
    change(loan, returned_at=NOW, return_branch=loan.branch)
    assert refused(renew, loan_id=loan.pk, by=anna, now=NOW) == ["not_on_loan"]
    assert refused(renew, loan_id=0, by=anna, now=NOW) == ["not_on_loan"]


def test_renewal_that_opens_later(copy, vera, anna):
    loan = LoanFactory(copy=copy, reader=vera, terms=Terms(renew_not_before_days=3).as_json())
    assert refused(renew, loan_id=loan.pk, by=anna, now=NOW) == ["too_soon"]
    assert renew(loan_id=loan.pk, by=anna, now=datetime(2026, 3, 11, 21, 0, tzinfo=UTC)).loan.renewals == 1


def test_overdue_loans_are_not_renewed_where_the_setting_says_so(loan, anna, settings):
    settings.OVERDUE_RENEWAL = "refuse"
    late = datetime(2026, 3, 15, 21, 0, tzinfo=UTC)
    assert refused(renew, loan_id=loan.pk, by=anna, now=late) == ["loan_overdue_renewal"]
    assert renew(loan_id=loan.pk, by=anna, now=late - timedelta(minutes=1)).loan.renewals == 1


def test_renewal_stops_at_the_end_of_the_card(loan, vera, anna):
    change(vera, expires_on=date(2026, 3, 15))
    assert refused(renew, loan_id=loan.pk, by=anna, now=NOW) == ["renewal_would_not_extend"]


def test_renewal_from_now_that_gains_nothing(copy, vera, anna):
    loan = LoanFactory(copy=copy, reader=vera, terms=Terms(renew_from="now", renewal_period=3).as_json())
    assert refused(renew, loan_id=loan.pk, by=anna, now=NOW) == ["renewal_would_not_extend"]


def test_a_branch_that_never_opens_again_renews_nothing(loan, anna, centre):
    OpeningHoursFactory(branch=centre)
    ClosedDayFactory(branch=centre, starts_on=date(2026, 1, 1), ends_on=date(2099, 1, 1))
    assert refused(renew, loan_id=loan.pk, by=anna, now=NOW) == ["renewal_would_not_extend"]


@pytest.mark.parametrize(
    "reason",
    [Reason.CARD_EXPIRED, Reason.CARD_LOST, Reason.READER_BLOCKED, Reason.READER_SUSPENDED, Reason.OVERDUE_LIMIT],
)
def test_what_stands_against_the_reader_stands_against_renewal(reason, world, loan, anna):
    OBSTACLES[reason](world)
    assert reason.value in refused(renew, loan_id=loan.pk, by=anna, now=NOW)


# --- Return --------------------------------------------------------------------------------------------------------


def test_return_closes_the_loan(loan, take_back, copy, anna, centre):
    outcome = take_back()
    loan.refresh_from_db()
    assert (outcome.loan, outcome.overdue_days, outcome.happenings) == (loan, 0, ())
    assert (loan.returned_at, loan.returned_by, loan.return_branch) == (NOW, anna, centre)
    assert status_of(copy) == "available"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.subject_id) == ("circulation.return", anna, loan.pk)
    assert entry.detail == {"returned_at": "2026-03-02T09:00:00Z", "overdue_days": 0}


def told(outcome):
    return [(one.what.value, dict(one.data)) for one in outcome.happenings]


def test_returning_twice_is_harmless_and_says_so(loan, take_back):
    take_back()
    with nothing_written():
        outcome = take_back(now=NOW + timedelta(minutes=5))
    assert outcome.loan is None
    assert told(outcome) == [("not_on_loan", {"returned_at": NOW, "counted": False})]


def test_a_copy_read_in_the_library_is_counted_once_a_visit(take_back, copy):
    def counted():
        return Reading.objects.filter(copy=copy).count()

    assert told(take_back()) == [("not_on_loan", {"returned_at": None, "counted": True})]
    assert counted() == 1
    take_back(now=NOW + timedelta(minutes=30))
    assert counted() == 1
    take_back(now=NOW + timedelta(minutes=61))
    assert counted() == 2


def test_an_unknown_copy_is_refused(take_back):
    assert refused(take_back, copy_id=0) == ["copy_unknown"]


def test_a_copy_of_another_branch_is_to_be_sent_there(loan, take_back, north):
    outcome = take_back(branch_id=north.pk)
    assert told(outcome) == [("wrong_branch", {"branch": "Центр"})]
    assert outcome.loan.return_branch == north


def test_a_lost_copy_is_found(take_back, copy):
    change(copy, status="lost")
    assert told(take_back()) == [
        ("not_on_loan", {"returned_at": None, "counted": False}),
        ("was_lost", {"cancelled": 0}),
    ]
    assert status_of(copy) == "available"
    assert AuditEntry.objects.get().action == "circulation.find"


def test_a_lost_loan_comes_back(loan, take_back, copy):
    change(copy, status="lost")
    outcome = take_back()
    assert told(outcome) == [("was_lost", {"cancelled": 0})]
    assert (outcome.loan, status_of(copy)) == (loan, "available")


@pytest.mark.parametrize("state", ["withdrawn", "damaged", "on_order"])
def test_other_states_of_a_copy_stay(state, take_back, copy):
    change(copy, status=state)
    with nothing_written():
        happened = [what for what, _ in told(take_back())]
    assert happened == (["not_on_loan", "withdrawn"] if state == "withdrawn" else ["not_on_loan"])


def test_a_withdrawn_copy_comes_back_from_loan(loan, take_back, copy):
    change(copy, status="withdrawn")
    assert told(take_back()) == [("withdrawn", {})]
    assert status_of(copy) == "withdrawn"
    assert not Loan.objects.open().exists()


LATE = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
"""Five days after 15 March."""


def test_a_late_return_says_how_late(loan, take_back):
    assert take_back(now=LATE).overdue_days == 5


def test_closed_days_are_not_late_days(loan, take_back, centre):
    ClosedDayFactory(branch=centre, starts_on=date(2026, 3, 17), ends_on=date(2026, 3, 18))
    assert take_back(now=LATE).overdue_days == 3


def test_lateness_suspends_by_the_terms_of_the_loan(copy, vera, take_back, anna):
    LoanFactory(copy=copy, reader=vera, terms=Terms(suspension_days_per_day=2, max_suspension_days=7).as_json())
    outcome = take_back(now=LATE)
    assert told(outcome) == [("suspended_until", {"until": date(2026, 3, 27)})]
    block = ReaderBlock.objects.get()
    assert (block.reader, block.kind, block.created_by) == (vera, "suspension", anna)
    assert (block.starts_on, block.ends_on) == (date(2026, 3, 20), date(2026, 3, 27))
    assert block.reason == "INV-1 · Война и мир"


def test_a_book_drop_return_is_backdated(copy, vera, take_back):
    LoanFactory(copy=copy, reader=vera, terms=Terms(suspension_days_per_day=1).as_json())
    dropped = datetime(2026, 3, 17, 5, 0, tzinfo=UTC)
    outcome = take_back(now=LATE, returned_at=dropped)
    assert (outcome.overdue_days, outcome.loan.returned_at) == (2, dropped)
    assert not ReaderBlock.objects.exists()  # two days from the 17th are over on the 20th


def test_backdating_before_the_due_day_is_in_time(loan, take_back):
    assert take_back(now=LATE, returned_at=datetime(2026, 3, 15, 20, 0, tzinfo=UTC)).overdue_days == 0


def test_a_return_is_not_before_the_check_out_nor_in_the_future(loan, take_back):
    for nonsense in (loan.checked_out_at - timedelta(seconds=1), NOW + timedelta(seconds=1)):
        with nothing_written(), pytest.raises(Invalid) as error:
            take_back(returned_at=nonsense)
        assert list(error.value.errors) == ["returned_at"]


# --- Locks and queries ---------------------------------------------------------------------------------------------


def locks_in(queries):
    """The tables locked, in the order of the statements."""
    return [found.group(1) for query in queries if (found := re.search(r'FOR NO KEY UPDATE OF "(\w+)"', query["sql"]))]


def assert_locked_first(queries):
    """Book, copy and reader are locked in that order, before any fact is read or anything written."""
    assert locks_in(queries)[:3] == ["catalog_book", "catalog_copy", "accounts_reader"]
    statements = [query["sql"] for query in queries]
    reader_lock = min(n for n, sql in enumerate(statements) if 'FOR NO KEY UPDATE OF "accounts_reader"' in sql)
    first_fact = min(n for n, sql in enumerate(statements) if re.search("readerblock|lendingrule|^INSERT|^UPDATE", sql))
    assert reader_lock < first_fact


def test_check_out_locks_first_and_takes_few_queries(lend):
    with CaptureQueriesContext(connection) as queries:
        lend()
    assert_locked_first(queries)
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 11


def test_check_out_from_another_locks_both_readers_at_once(lend, copy, gleb, vera):
    LoanFactory(copy=copy, reader=gleb, checked_out_at=NOW - timedelta(days=1))
    with CaptureQueriesContext(connection) as queries:
        lend(overrides={Reason.LOANED_TO_ANOTHER}, note="Принёс сосед")
    assert_locked_first(queries)
    assert locks_in(queries).count("accounts_reader") == 1
    (locking,) = [query["sql"] for query in queries if 'UPDATE OF "accounts_reader"' in query["sql"]]
    assert str(gleb.pk) in locking
    assert str(vera.pk) in locking


def test_renewal_locks_first_and_takes_few_queries(loan, anna):
    with CaptureQueriesContext(connection) as queries:
        renew(loan_id=loan.pk, by=anna, now=NOW)
    assert_locked_first(queries)
    assert locks_in(queries) == ["catalog_book", "catalog_copy", "accounts_reader", "circulation_loan"]
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 10


def test_return_locks_first_and_takes_few_queries(loan, take_back):
    with CaptureQueriesContext(connection) as queries:
        take_back()
    assert_locked_first(queries)
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 7


def test_a_late_return_that_suspends(copy, vera, take_back):
    LoanFactory(copy=copy, reader=vera, terms=Terms(suspension_days_per_day=2).as_json())
    with CaptureQueriesContext(connection) as queries:
        take_back(now=LATE)
    assert_locked_first(queries)
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) <= 15
