"""What must be true of loans: found broken by `manage.py check_integrity`."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from library.core.integrity import Check


def _by_copy() -> list[bool]:
    """Whether the copy's branch, not the desk's, is the one whose rules count."""
    return [settings.LENDING_BRANCH == "copy"]


CHECKS = (
    Check(
        code="one_open_loan_per_copy",
        says=_("A copy is on loan to one reader at most."),
        mend=_("Find out who has the copy, return it at the desk until no loan is left, and lend it to that reader."),
        sql="""
            SELECT copy.inventory_number AS copy, count(*) AS loans
            FROM circulation_loan AS loan JOIN catalog_copy AS copy ON copy.id = loan.copy_id
            WHERE loan.returned_at IS NULL
            GROUP BY copy.id HAVING count(*) > 1 ORDER BY copy.id
        """,
    ),
    Check(
        code="loaned_copy_has_its_loan",
        says=_("A copy that is on loan has an open loan."),
        mend=_("Scan the copy in return mode: it is put back, or set aside for whoever waits for it."),
        sql="""
            SELECT copy.inventory_number AS copy, copy.status FROM catalog_copy AS copy
            WHERE copy.status = 'loaned'
              AND NOT EXISTS (SELECT FROM circulation_loan AS loan
                              WHERE loan.copy_id = copy.id AND loan.returned_at IS NULL)
            ORDER BY copy.id
        """,
    ),
    Check(
        code="open_loan_has_its_copy",
        says=_("The copy of an open loan is on loan, or lost once the loan was declared lost."),
        mend=_(
            "Scan the copy in return mode, which ends the loan; if the reader still has it, lend it again. What a lost "
            "copy was charged with is waived or reversed at the cash desk."
        ),
        sql="""
            SELECT copy.inventory_number AS copy, copy.status, loan.uid AS loan, loan.lost_at
            FROM circulation_loan AS loan JOIN catalog_copy AS copy ON copy.id = loan.copy_id
            WHERE loan.returned_at IS NULL
              AND NOT (CASE WHEN loan.lost_at IS NULL THEN copy.status = 'loaned'
                            ELSE copy.status IN ('lost', 'withdrawn') END)
            ORDER BY loan.id
        """,
    ),
    Check(
        code="loan_limit_is_kept",
        says=_("A reader has no more loans than the limits allowed at each check-out, unless staff overrode them."),
        mend=_(
            "The later loans should not have been possible. Ask the reader to bring a copy back before the next one."
        ),
        sql="""
            SELECT reader.card_number AS reader, loan.uid AS loan, (bound.value ->> 'limit')::int AS "limit",
                   count(other.id) AS loans_before
            FROM circulation_loan AS loan
            JOIN accounts_reader AS reader ON reader.id = loan.reader_id
            JOIN core_auditentry AS entry ON entry.subject_type = 'circulation.loan' AND entry.subject_id = loan.id
                 AND entry.action = 'circulation.check_out'
            CROSS JOIN LATERAL jsonb_array_elements(entry.detail -> 'limits') AS bound
            LEFT JOIN (circulation_loan AS other JOIN catalog_copy AS copy ON copy.id = other.copy_id)
                 ON other.reader_id = loan.reader_id AND other.returned_at IS NULL AND other.id < loan.id
                 AND NOT EXISTS (SELECT FROM core_auditentry AS claim
                                 WHERE claim.subject_type = 'circulation.loan' AND claim.subject_id = other.id
                                   AND claim.action = 'circulation.claim_returned' AND claim.at < loan.checked_out_at)
                 AND coalesce((bound.value ->> 'item_type')::bigint, copy.item_type_id) = copy.item_type_id
                 AND coalesce((bound.value ->> 'branch')::bigint, copy.branch_id)
                     = CASE WHEN bound.value ->> 'branch' IS NULL OR %s THEN copy.branch_id ELSE other.branch_id END
            WHERE loan.returned_at IS NULL
              AND NOT EXISTS (SELECT FROM accounts_reader AS former WHERE former.merged_into_id = reader.id)
              AND NOT coalesce(entry.detail -> 'overridden' @> '[{"reason": "loan_limit"}]', false)
            GROUP BY loan.id, reader.id, bound.value
            HAVING count(other.id) >= (bound.value ->> 'limit')::int
            ORDER BY loan.id
        """,
        parameters=_by_copy,
    ),
    Check(
        code="loans_are_never_deleted",
        says=_("No loan was deleted: the audit and the ledger find every loan that they name."),
        mend=_("Take the rows from a backup; the audit and the ledger tell what they held."),
        sql="""
            SELECT subject_name AS loan, at FROM core_auditentry AS entry
            WHERE entry.subject_type = 'circulation.loan'
              AND NOT EXISTS (SELECT FROM circulation_loan AS loan WHERE loan.id = entry.subject_id)
            UNION ALL
            SELECT loan_uid::text, at FROM cashdesk_entry AS entry
            WHERE loan_uid IS NOT NULL
              AND NOT EXISTS (SELECT FROM circulation_loan AS loan WHERE loan.uid = entry.loan_uid)
        """,
    ),
)
