"""`check_integrity`: nothing to say of a library at work; each invariant broken by hand is named, with its rows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.tests.factories import AdminFactory, ReaderFactory
from cashdesk.actions import charge, pay, reverse
from cashdesk.models import Kind, Method
from catalog.tests.factories import CopyFactory
from circulation.actions import check_out
from library.core import tasks
from library.core.integrity import checks, findings
from library.core.models import JobRun
from notifications.bundling import bundle
from policies.tests.factories import BranchFactory, DefaultRuleFactory
from reservations.actions import capture, reserve

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def library():
    """A few of everything: loans, a reservation ready, one on its way and one waiting, money, a letter."""
    DefaultRuleFactory()
    here, there = BranchFactory(code="here"), BranchFactory(code="there")
    boris = AdminFactory(email="boris@example.org")
    vera, gleb = (ReaderFactory(email=f"{name}@example.org", home_branch=here) for name in ("vera", "gleb"))
    copies = CopyFactory.create_batch(5, branch=here)
    for copy in copies[:2]:
        check_out(copy_id=copy.pk, reader_id=vera.pk, by=boris, branch_id=here.pk, now=NOW)
    for copy, branch in ((copies[0], here), (copies[2], here), (copies[3], there)):
        reserve(book_id=copy.book_id, reader_id=gleb.pk, pickup_branch_id=branch.pk, by=boris, now=NOW)
        if copy != copies[0]:
            capture(copy_id=copy.pk, branch_id=here.pk, by=boris, now=NOW)
    common = {"by": boris, "branch_id": here.pk, "now": NOW}
    owed = charge(reader_id=vera.pk, kind=Kind.MANUAL, amount=Decimal(30), reason="Копии", **common)
    pay(reader_id=vera.pk, amount=Decimal(50), method=Method.CASH, keeps_rest=True, **common)
    reverse(entry_uid=owed.uid, reason="Ошибка", **common)
    charge(reader_id=gleb.pk, kind=Kind.MANUAL, amount=Decimal(10), reason="Копии", **common)
    bundle(now=NOW + timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return boris


def drop(table, *constraints):
    return "; ".join(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for name in constraints)


COPY_OF = "(SELECT id FROM catalog_copy WHERE status = '{}' ORDER BY id LIMIT 1)"
HELD, LOANED, FREE, SENT = (COPY_OF.format(one) for one in ("on_hold_shelf", "loaned", "available", "in_transit"))
AGAIN = (  # the row of a table once more, with some columns changed
    "INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object("
    "'id', one.id + 1000000, 'uid', gen_random_uuid(), {changes}))).* FROM {table} AS one WHERE {which}"
)

BREAKS = {
    "constraints_are_there": "DROP INDEX one_open_loan_per_copy",
    "override_has_its_author": "UPDATE core_auditentry SET detail = '{\"overridden\": []}'"
    " WHERE id = (SELECT min(id) FROM core_auditentry)",
    "one_open_loan_per_copy": "DROP INDEX one_open_loan_per_copy; "
    + AGAIN.format(table="circulation_loan", changes="'renewals', 1", which=f"copy_id = {LOANED}"),
    "loaned_copy_has_its_loan": f"UPDATE catalog_copy SET status = 'loaned' WHERE id = {FREE}",
    "open_loan_has_its_copy": f"UPDATE catalog_copy SET status = 'available' WHERE id = {LOANED}",
    "loan_limit_is_kept": 'UPDATE core_auditentry SET detail = \'{"limits": [{"limit": 1}]}\''
    " WHERE subject_type = 'circulation.loan'",
    "loans_are_never_deleted": f"DELETE FROM circulation_loan WHERE copy_id = {LOANED}",
    "ready_reservation_has_its_copy": f"UPDATE catalog_copy SET status = 'lost' WHERE id = {HELD}",
    "held_copy_has_its_reader": f"UPDATE catalog_copy SET status = 'on_hold_shelf' WHERE id = {FREE}",
    "copy_on_its_way_has_its_transfer": f"UPDATE catalog_copy SET status = 'available' WHERE id = {SENT}",
    "reservation_on_its_way_has_its_transfer": "UPDATE reservations_transfer SET to_branch_id = to_branch_id + 1000",
    "one_reservation_per_copy": "DROP INDEX one_reservation_per_copy; "
    + AGAIN.format(table="reservations_reservation", changes="'slot', 2, 'order', 7", which="state = 'ready'"),
    "queue_has_no_doubles": "DROP INDEX one_place_in_the_queue; "
    + AGAIN.format(table="reservations_reservation", changes="'slot', 2", which="state = 'waiting'"),
    "reservation_ends_once": f"{drop('reservations_reservation', 'ended_once')};"
    "UPDATE reservations_reservation SET ended_at = now() WHERE state = 'waiting'",
    "reservation_limit_is_kept": "UPDATE core_auditentry SET detail = '{\"limit\": 2}'"
    " WHERE action = 'reservations.reserve'",
    "reservations_are_never_deleted": "DELETE FROM reservations_reservation WHERE state = 'waiting'",
    "ledger_is_guarded": "ALTER TABLE cashdesk_entry DISABLE TRIGGER entries_are_only_added",
    "entry_has_its_author": f"{drop('cashdesk_entry', 'entry_has_one_author')};"
    "UPDATE cashdesk_entry SET by_id = NULL WHERE kind = 'payment'",
    "balance_is_the_sum_of_the_ledger": "UPDATE cashdesk_entry SET reader_id = (SELECT max(id) FROM accounts_reader)"
    " WHERE kind = 'charge_reversal'",
    "debt_is_covered_by_credit": "DELETE FROM cashdesk_allocation",
    "nothing_covers_more_than_it_is_worth": "UPDATE cashdesk_allocation SET amount = amount + 100",
    "reversal_fits_what_it_reverses": "UPDATE cashdesk_entry SET amount = 31 WHERE kind = 'charge_reversal'",
    "transfers_come_to_nothing": "UPDATE cashdesk_entry SET transfer_uid = gen_random_uuid() WHERE kind = 'payment'",
    "receipts_have_no_gaps": "UPDATE cashdesk_receiptcounter SET last = last + 1",
    "entries_are_never_deleted": "DELETE FROM cashdesk_allocation; DELETE FROM cashdesk_entry WHERE kind = 'manual'",
    "notice_goes_out_once": f"{drop('notifications_notice', 'one_notice_per_cause')};"
    "UPDATE notifications_notice SET key = 'the same'",
    "notice_is_in_its_letter": "UPDATE notifications_notice SET stage = 9",
    "sent_letter_has_its_time": f"{drop('notifications_letter', 'sent_letter_has_its_time')};"
    "UPDATE notifications_letter SET status = 'sent'",
    "edited_words_render": "INSERT INTO notifications_lettertemplate"
    " (event, language, kind, subject, text, html, changed_at, changed_by_id, failed_at, failure)"
    " SELECT 'overdue', 'en', 'letter', '', '', '', now(), min(id), now(), 'x' FROM accounts_user",
}
"""Each invariant with a statement that breaks it; no trigger and no reference is in the way."""


def test_each_invariant_is_named_when_it_is_broken(library, subtests):
    assert findings() == []
    assert set(BREAKS) == {check.code for check in checks()}
    for code, statement in BREAKS.items():
        with subtests.test(code), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement)
            broken = {finding.check.code: finding for finding in findings()}
            assert code in broken
            assert broken[code].count >= len(broken[code].rows) >= 1
            transaction.set_rollback(True)
    assert findings() == []


@pytest.mark.parametrize(
    ("language", "said", "mended"),
    [("en", "A copy that is on loan has an open loan.", "To mend it: Scan the copy in return mode"), ("ru", "", "")],
)
def test_the_command_says_what_is_wrong_and_how_to_mend_it(library, language, said, mended):
    out = StringIO()
    call_command("check_integrity", stdout=out)
    CopyFactory.create_batch(3, status="loaned")
    with pytest.raises(CommandError):
        call_command("check_integrity", "--first", "2", "--language", language, stdout=out)
    told = out.getvalue()
    assert "loaned_copy_has_its_loan: 3" in told
    assert told.count("status loaned") == 2
    assert said in told
    assert mended in told
    call_command("check_integrity", "--only", "receipts_have_no_gaps", stdout=out)
    with pytest.raises(CommandError, match="no_such"):
        call_command("check_integrity", "--only", "no_such", stdout=out)


def test_the_daily_job_tells_those_who_look_after_the_jobs(library, settings, mailoutbox, client):
    settings.DAILY_JOBS_HOUR = 0
    tasks.check_integrity()
    assert JobRun.objects.get().summary == {"broken": {}, "rows": {}}
    assert mailoutbox == []

    JobRun.objects.all().delete()
    copy = CopyFactory(status="loaned")
    tasks.check_integrity()
    tasks.check_integrity()
    run = JobRun.objects.get()
    assert run.summary["broken"] == {"loaned_copy_has_its_loan": 1}
    assert run.summary["rows"] == {"loaned_copy_has_its_loan": [f"copy {copy.inventory_number}, status loaned"]}
    assert [letter.to for letter in mailoutbox] == [["boris@example.org"]]
    assert "loaned_copy_has_its_loan: 1" in mailoutbox[0].body
    client.force_login(library)
    page = client.get("/admin/").content.decode()
    assert f"/admin/core/jobrun/{run.pk}/change/" in page
