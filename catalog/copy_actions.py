"""Copies by the dozen: entering a block of consecutive numbers, withdrawing by act, restoring. All or nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog import copy_numbers
from catalog.actions import SET_ASIDE
from catalog.copy_numbers import CopyNumber
from catalog.holdings import Withdrawal, WithdrawalAct, WithdrawalReason
from catalog.models import Book, Copy
from catalog.search import index_books
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit

MOST_ADDED = 500
"""Copies that are entered at once."""
MOST_WITHDRAWN = 1000
"""Copies that are withdrawn or restored at once."""
NAMED = 10
"""Copies or numbers that a message names."""


def add_copies(
    *,
    book_id: int,
    numbers: Sequence[CopyNumber],
    is_from_counter: bool,
    fields: Mapping[str, Any],
    by: Any,
    now: datetime,
) -> list[Copy]:
    """Enter one copy for each of the `numbers`, alike in all else; without `shelf_mark` they take the call number.

    With `is_from_counter` their barcodes are those of `copy_numbers.next_block`, which the counter now gives out.
    Raises Invalid (`numbers`) when somebody else has a number by now, Book.DoesNotExist, Busy; nothing is entered then.
    """
    if not 0 < len(numbers) <= MOST_ADDED:
        raise Invalid({"numbers": [_("Enter from 1 to %(most)d copies at once.") % {"most": MOST_ADDED}]})
    with one_commit():
        book = Book.objects.locked().get(pk=book_id)
        _claim(numbers, is_from_counter=is_from_counter)
        shared = {"shelf_mark": book.call_number, **fields, "book": book}
        rows = [Copy(inventory_number=number, barcode=barcode, **shared) for number, barcode in numbers]
        try:
            with transaction.atomic():
                copies = Copy.objects.bulk_create(rows)
        except IntegrityError as error:
            raise Invalid({"numbers": [_("Somebody else has just used one of these numbers.")]}) from error
        index_books([book.pk])
        detail = {"book": str(book.uid), "count": len(copies), "first": str(copies[0]), "last": str(copies[-1])}
        audit.record(action="catalog.add_copies", subject=book, by=by, now=now, detail=detail)
        for copy in copies:
            audit.record(action="catalog.create_copy", subject=copy, by=by, now=now)
        return copies


def withdraw_copies(
    *,
    copy_ids: Collection[int],
    act_number: str,
    dated_on: date,
    reason: WithdrawalReason,
    note: str = "",
    by: Any,
    now: datetime,
) -> WithdrawalAct:
    """Withdraw the copies by the act of that number and day, which is entered if it is new.

    Raises Invalid, having withdrawn none: `copies` for those on loan, set aside or withdrawn already, each named;
    `note` for another reason without one. Busy as everywhere.
    """
    if reason == WithdrawalReason.OTHER and not note.strip():
        raise Invalid({"note": [_("Say in the note what the reason is.")]})
    with one_commit():
        copies = _locked(copy_ids)
        if loaned := [copy for copy in copies if copy.status == Copy.Status.LOANED]:
            raise Invalid({"copies": [_("On loan, take them back first: %(copies)s.") % {"copies": _names(loaned)}]})
        if kept := [copy for copy in copies if copy.status in SET_ASIDE]:
            text = _("Set aside for a reader or in transit, release them first: %(copies)s.")
            raise Invalid({"copies": [text % {"copies": _names(kept)}]})
        if gone := [copy for copy in copies if copy.status == Copy.Status.WITHDRAWN]:
            raise Invalid({"copies": [_("Withdrawn already: %(copies)s.") % {"copies": _names(gone)}]})
        act, _is_new = WithdrawalAct.objects.get_or_create(
            number=act_number.strip(), dated_on=dated_on, defaults={"created_at": now, "created_by": by}
        )
        Withdrawal.objects.bulk_create(
            Withdrawal(
                act=act,
                copy=copy,
                reason=reason,
                note=note.strip(),
                former_status=copy.status,
                withdrawn_at=now,
                withdrawn_by=by,
            )
            for copy in copies
        )
        for copy in copies:
            detail = {"act": act.number, "dated_on": dated_on, "reason": str(reason), "from": copy.status}
            audit.record(action="catalog.withdraw_copy", subject=copy, by=by, now=now, detail=detail)
        _set_status(copies, Copy.Status.WITHDRAWN)
        return act


def restore_copies(*, copy_ids: Collection[int], by: Any, now: datetime) -> int:
    """Bring withdrawn copies back to how they stood before; their acts keep a line of it. How many were restored.

    One that is not withdrawn is left alone. A copy without an act, withdrawn before it came into this catalogue, is
    available then. Raises Busy.
    """
    with one_commit():
        copies = [copy for copy in _locked(copy_ids) if copy.status == Copy.Status.WITHDRAWN]
        ended = {
            withdrawal.copy_id: withdrawal
            for withdrawal in Withdrawal.objects.filter(copy__in=copies, restored_at=None).select_related("act")
        }
        for copy in copies:
            withdrawal = ended.get(copy.pk)
            former = withdrawal.former_status if withdrawal else Copy.Status.AVAILABLE
            _set_status([copy], Copy.Status(former))
            detail = {"act": withdrawal.act.number if withdrawal else "", "to": former}
            audit.record(action="catalog.restore_copy", subject=copy, by=by, now=now, detail=detail)
        Withdrawal.objects.filter(pk__in=[withdrawal.pk for withdrawal in ended.values()]).update(
            restored_at=now, restored_by=by
        )
        return len(copies)


def _claim(numbers: Sequence[CopyNumber], *, is_from_counter: bool) -> None:
    """Refuse what copies have already, and take the rest from the counter where they are its next ones."""
    taken = copy_numbers.taken_inventory_numbers([number.inventory_number for number in numbers])
    taken += copy_numbers.taken_barcodes([number.barcode for number in numbers])
    if taken:
        message = ngettext(
            "This number is another copy's: %(numbers)s.", "These numbers are other copies': %(numbers)s.", len(taken)
        )
        raise Invalid({"numbers": [message % {"numbers": _names(taken)}]})
    if is_from_counter and not copy_numbers.take_block(len(numbers), first=numbers[0].barcode):
        raise Invalid({"numbers": [_("Somebody else has just used one of these numbers.")]})


def _locked(copy_ids: Collection[int]) -> list[Copy]:
    """The copies, locked after their books."""
    if len(copy_ids) > MOST_WITHDRAWN:
        raise Invalid({"copies": [_("Choose %(most)d copies at most.") % {"most": MOST_WITHDRAWN}]})
    list(Book.objects.filter(pk__in=Copy.objects.filter(pk__in=copy_ids).values("book")).locked().values_list("pk"))
    return list(Copy.objects.filter(pk__in=copy_ids).locked())


def _set_status(copies: Sequence[Copy], status: Copy.Status) -> None:
    for copy in copies:
        copy.status = status
    Copy.objects.filter(pk__in=[copy.pk for copy in copies]).update(status=status)


def _names(things: Sequence[Any]) -> str:
    return ", ".join(map(str, things[:NAMED])) + (", …" if len(things) > NAMED else "")
