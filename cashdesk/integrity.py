"""What must be true of the ledger: found broken by `manage.py check_integrity`."""

from django.utils.translation import gettext_lazy as _

from cashdesk.models import DEBITS
from library.core.integrity import Check

TRIGGERS = (
    "allocations_are_never_emptied",
    "allocations_are_only_added",
    "allocations_fit",
    "entries_are_never_emptied",
    "entries_are_only_added",
    "receipts_have_no_gaps",
    "reversals_fit",
    "transfers_balance",
)
"""What keeps the ledger whole where no constraint can."""

CHECKS = (
    Check(
        code="ledger_is_guarded",
        says=_("The triggers that keep the ledger from being changed are in the database and at work."),
        mend=_(
            "Switch them on again: ALTER TABLE … ENABLE TRIGGER …; what is missing is in the migrations of cashdesk."
        ),
        sql="""
            SELECT wanted AS trigger FROM unnest(%s::text[]) AS wanted
            WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = wanted AND tgenabled IN ('O', 'A'))
        """,
        parameters=lambda: [list(TRIGGERS)],
    ),
    Check(
        code="entry_has_its_author",
        says=_("Every charge, payment and waiver has one author, a person or a job."),
        mend=_("The ledger was written past the program. Reverse the entry at the cash desk and enter it again."),
        sql="""
            SELECT uid AS entry, kind, amount FROM cashdesk_entry
            WHERE (by_id IS NULL) = (job = '') ORDER BY id
        """,
    ),
    Check(
        code="balance_is_the_sum_of_the_ledger",
        says=_("What a reader owes is the sum of the ledger, and what is open comes to as much."),
        mend=_("Compare the reader's ledger with the receipts; correct it by a charge, a payment or a reversal."),
        sql="""
            WITH open AS (
                SELECT entry.reader_id, entry.effect,
                       CASE WHEN entry.kind = ANY (%s) THEN entry.amount ELSE -entry.amount END AS worth,
                       sign(entry.effect) * (entry.amount - coalesce(moved.amount, 0)) AS left
                FROM cashdesk_entry AS entry
                LEFT JOIN (SELECT entry_id, sum(amount) AS amount FROM cashdesk_allocation
                           CROSS JOIN LATERAL (VALUES (credit_id), (debit_id)) AS side (entry_id)
                           GROUP BY entry_id) AS moved ON moved.entry_id = entry.id
            )
            SELECT reader.card_number AS reader, sum(open.worth) AS ledger, sum(open.effect) AS balance,
                   sum(open.left) AS open
            FROM open JOIN accounts_reader AS reader ON reader.id = open.reader_id
            GROUP BY reader.id
            HAVING sum(open.worth) <> sum(open.effect) OR sum(open.worth) <> sum(open.left)
        """,
        parameters=lambda: [[str(kind) for kind in DEBITS]],
    ),
    Check(
        code="debt_is_covered_by_credit",
        says=_("Nobody owes anything while they have money to their good."),
        mend=_("Take any payment of the reader, or charge and reverse something: what is open is settled then."),
        sql="""
            SELECT reader.card_number AS reader,
                   sum(entry.amount - coalesce(moved.amount, 0)) FILTER (WHERE entry.effect > 0) AS owed,
                   sum(entry.amount - coalesce(moved.amount, 0)) FILTER (WHERE entry.effect < 0) AS credit
            FROM cashdesk_entry AS entry
            JOIN accounts_reader AS reader ON reader.id = entry.reader_id
            LEFT JOIN (SELECT entry_id, sum(amount) AS amount FROM cashdesk_allocation
                       CROSS JOIN LATERAL (VALUES (credit_id), (debit_id)) AS side (entry_id)
                       GROUP BY entry_id) AS moved ON moved.entry_id = entry.id
            GROUP BY reader.id
            HAVING sum(entry.amount - coalesce(moved.amount, 0)) FILTER (WHERE entry.effect > 0) > 0
               AND sum(entry.amount - coalesce(moved.amount, 0)) FILTER (WHERE entry.effect < 0) > 0
        """,
    ),
    Check(
        code="nothing_covers_more_than_it_is_worth",
        says=_("A credit covers debts of its own reader, and no entry is covered by or covers more than its amount."),
        mend=_("Reverse the entry and enter it again: what it covered is settled anew."),
        sql="""
            SELECT entry.uid AS entry, entry.kind, entry.amount, sum(moved.amount) AS moved
            FROM cashdesk_allocation AS moved
            JOIN cashdesk_entry AS credit ON credit.id = moved.credit_id
            JOIN cashdesk_entry AS debit ON debit.id = moved.debit_id
            JOIN cashdesk_entry AS entry ON entry.id IN (moved.credit_id, moved.debit_id)
            GROUP BY entry.id
            HAVING sum(moved.amount) > entry.amount OR sum(moved.amount) < 0
                OR bool_or(credit.reader_id <> debit.reader_id OR credit.effect >= 0 OR debit.effect <= 0)
            ORDER BY entry.id
        """,
    ),
    Check(
        code="reversal_fits_what_it_reverses",
        says=_("A reversal is the opposite of one entry of the same reader, at most of its amount."),
        mend=_("Correct the reader's balance by a charge or a payment with a reason: a reversal is not reversed."),
        sql="""
            SELECT entry.uid AS entry, entry.kind, entry.amount, reversed.amount AS reversed
            FROM cashdesk_entry AS entry JOIN cashdesk_entry AS reversed ON reversed.id = entry.reverses_id
            WHERE entry.reader_id <> reversed.reader_id OR sign(entry.effect) = sign(reversed.effect)
               OR entry.amount > reversed.amount OR reversed.reverses_id IS NOT NULL
            ORDER BY entry.id
        """,
    ),
    Check(
        code="transfers_come_to_nothing",
        says=_("What leaves one account in a transfer arrives in another."),
        mend=_("Correct both readers' balances by a charge or a payment with a reason."),
        sql="""
            SELECT transfer_uid AS transfer, count(*) AS halves, sum(effect) AS effect FROM cashdesk_entry
            WHERE transfer_uid IS NOT NULL
            GROUP BY transfer_uid
            HAVING count(*) <> 2 OR sum(effect) <> 0 OR count(DISTINCT reader_id) <> 2
        """,
    ),
    Check(
        code="receipts_have_no_gaps",
        says=_("The receipts of a branch are numbered from 1 without gaps for each year."),
        mend=_("A receipt is missing or doubled. Take the rows from a backup, or note the gap in the cash book."),
        sql="""
            SELECT branch.code AS branch, coalesce(given.receipt_year, counter.year) AS year,
                   coalesce(given.receipts, 0) AS receipts, given.last_number, counter.last AS counted
            FROM (SELECT branch_id, receipt_year, count(DISTINCT receipt_number) AS receipts,
                         max(receipt_number) AS last_number, count(*) AS entries
                  FROM cashdesk_entry WHERE receipt_number IS NOT NULL GROUP BY branch_id, receipt_year) AS given
            FULL JOIN cashdesk_receiptcounter AS counter
                 ON counter.branch_id = given.branch_id AND counter.year = given.receipt_year
            JOIN policies_branch AS branch ON branch.id = coalesce(given.branch_id, counter.branch_id)
            WHERE given.receipts IS DISTINCT FROM counter.last OR given.last_number <> counter.last
               OR given.entries <> given.receipts
        """,
    ),
    Check(
        code="entries_are_never_deleted",
        says=_("No entry of the ledger was deleted: the audit finds every one that it names."),
        mend=_("Take the rows from a backup; the audit tells whose they were, and how much."),
        sql="""
            SELECT subject_name AS entry, at FROM core_auditentry AS deed
            WHERE deed.subject_type = 'cashdesk.entry'
              AND NOT EXISTS (SELECT FROM cashdesk_entry AS entry WHERE entry.id = deed.subject_id)
        """,
    ),
)
