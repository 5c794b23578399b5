"""What must be true of queues, hold shelves and transfers: found broken by `manage.py check_integrity`."""

from django.utils.translation import gettext_lazy as _

from library.core.integrity import Check

CHECKS = (
    Check(
        code="ready_reservation_has_its_copy",
        says=_("A reservation that is ready has a copy of its book on the hold shelf, and a last day."),
        mend=_(
            "Look for the copy and scan it in return mode. If it is not there, release it on the hold shelf, or cancel "
            "the reservation and reserve again."
        ),
        sql="""
            SELECT held.uid AS reservation, copy.inventory_number AS copy, copy.status, held.pickup_until
            FROM reservations_reservation AS held LEFT JOIN catalog_copy AS copy ON copy.id = held.copy_id
            WHERE held.state = 'ready'
              AND (copy.id IS NULL OR copy.status <> 'on_hold_shelf' OR copy.book_id <> held.book_id
                   OR held.pickup_until IS NULL)
            ORDER BY held.id
        """,
    ),
    Check(
        code="held_copy_has_its_reader",
        says=_("A copy on the hold shelf is kept for a reader."),
        mend=_("Scan the copy in return mode: it goes to whoever waits for it, or to its shelf."),
        sql="""
            SELECT copy.inventory_number AS copy, copy.status FROM catalog_copy AS copy
            WHERE copy.status = 'on_hold_shelf'
              AND NOT EXISTS (SELECT FROM reservations_reservation AS held
                              WHERE held.copy_id = copy.id AND held.state = 'ready')
            ORDER BY copy.id
        """,
    ),
    Check(
        code="copy_on_its_way_has_its_transfer",
        says=_("A copy is in transit exactly while a transfer of it is open."),
        mend=_("Scan the copy in return mode where it is: what is open is closed, and it goes on from there."),
        sql="""
            SELECT copy.inventory_number AS copy, copy.status, count(way.id) AS open_transfers
            FROM catalog_copy AS copy
            LEFT JOIN reservations_transfer AS way ON way.copy_id = copy.id AND way.arrived_at IS NULL
            WHERE copy.status = 'in_transit' OR way.id IS NOT NULL
            GROUP BY copy.id
            HAVING count(way.id) <> CASE WHEN copy.status = 'in_transit' THEN 1 ELSE 0 END
            ORDER BY copy.id
        """,
    ),
    Check(
        code="reservation_on_its_way_has_its_transfer",
        says=_("The copy of a reservation that is on its way goes to the branch of pick-up."),
        mend=_("Scan the copy in return mode where it is: it is sent to the branch of pick-up."),
        sql="""
            SELECT held.uid AS reservation, copy.inventory_number AS copy, copy.status
            FROM reservations_reservation AS held LEFT JOIN catalog_copy AS copy ON copy.id = held.copy_id
            WHERE held.state = 'in_transit'
              AND (copy.id IS NULL OR copy.book_id <> held.book_id
                   OR NOT EXISTS (SELECT FROM reservations_transfer AS way
                                  WHERE way.copy_id = copy.id AND way.arrived_at IS NULL
                                    AND way.to_branch_id = held.pickup_branch_id))
            ORDER BY held.id
        """,
    ),
    Check(
        code="one_reservation_per_copy",
        says=_("A copy is kept for one reservation at most, and none for a reservation that waits."),
        mend=_("Cancel the later of the reservations and reserve again."),
        sql="""
            SELECT copy.inventory_number AS copy, count(*) AS reservations
            FROM reservations_reservation AS held JOIN catalog_copy AS copy ON copy.id = held.copy_id
            WHERE held.state IN ('waiting', 'in_transit', 'ready')
            GROUP BY copy.id HAVING count(*) > 1 OR bool_or(held.state = 'waiting')
            ORDER BY copy.id
        """,
    ),
    Check(
        code="queue_has_no_doubles",
        says=_("Nobody stands twice in one place of a queue, and no two readers in the same."),
        mend=_("Move one of the reservations in the queue of the book, or cancel the later of a reader's two."),
        sql="""
            SELECT book_id AS book, "order", count(*) AS reservations, NULL AS reader, NULL::int AS slot
            FROM reservations_reservation WHERE state IN ('waiting', 'in_transit', 'ready')
            GROUP BY book_id, "order" HAVING count(*) > 1
            UNION ALL
            SELECT held.book_id, NULL, count(*), reader.card_number, held.slot
            FROM reservations_reservation AS held JOIN accounts_reader AS reader ON reader.id = held.reader_id
            WHERE held.state IN ('waiting', 'in_transit', 'ready')
            GROUP BY held.book_id, reader.id, held.slot HAVING count(*) > 1
        """,
    ),
    Check(
        code="reservation_ends_once",
        says=_("A reservation has an end exactly when it is collected, cancelled or expired."),
        mend=_("Cancel it and reserve again; if it is over, the audit tells when it ended."),
        sql="""
            SELECT uid AS reservation, state, ended_at FROM reservations_reservation
            WHERE (state IN ('waiting', 'in_transit', 'ready')) <> (ended_at IS NULL)
            ORDER BY id
        """,
    ),
    Check(
        code="reservation_limit_is_kept",
        says=_("A reader has no more reservations than the limits allowed at each, unless staff overrode them."),
        mend=_("The later reservations should not have been possible. Cancel those that the reader wants least."),
        sql="""
            SELECT reader.card_number AS reader, held.uid AS reservation, (entry.detail ->> 'limit')::int AS "limit",
                   count(other.id) AS reservations_before
            FROM reservations_reservation AS held
            JOIN accounts_reader AS reader ON reader.id = held.reader_id
            JOIN core_auditentry AS entry ON entry.subject_type = 'reservations.reservation'
                 AND entry.subject_id = held.id AND entry.action = 'reservations.reserve'
            LEFT JOIN reservations_reservation AS other ON other.reader_id = held.reader_id
                 AND other.state IN ('waiting', 'in_transit', 'ready') AND other.id < held.id
            WHERE held.state IN ('waiting', 'in_transit', 'ready') AND entry.detail ? 'limit'
              AND NOT EXISTS (SELECT FROM accounts_reader AS former WHERE former.merged_into_id = reader.id)
              AND NOT coalesce(entry.detail -> 'overridden' @> '[{"reason": "reservation_limit"}]', false)
            GROUP BY held.id, reader.id, entry.id
            HAVING count(other.id) >= (entry.detail ->> 'limit')::int
            ORDER BY held.id
        """,
    ),
    Check(
        code="reservations_are_never_deleted",
        says=_("No reservation was deleted: the audit finds every one that it names."),
        mend=_("Take the rows from a backup; the audit tells what they held."),
        sql="""
            SELECT subject_name AS reservation, at FROM core_auditentry AS entry
            WHERE entry.subject_type = 'reservations.reservation'
              AND NOT EXISTS (SELECT FROM reservations_reservation AS held WHERE held.id = entry.subject_id)
        """,
    ),
)
