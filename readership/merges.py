"""Merging entries for one and the same reader, and taking it back.

What can move moves: loans, reservations, blocks, letters and whatever else points to a reader. The ledger cannot: what
is open of an account is carried over by transfers that come to nothing, so the entry that is merged away stays as the
row that its ledger belongs to, and points to the one that stands for it now.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypedDict

from django.apps import apps
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import accounts.actions
import cashdesk.actions
from accounts.models import STAFF_ROLES, Consent, FormerCard, Reader, ReaderPhoto, User
from accounts.queries import is_card_number_taken
from cashdesk.models import Entry
from catalog.merges import MOST_MERGED, links_to, rows_of, stored
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit
from notifications.models import Preference, SavedSearch
from readership.locks import lock_readers
from readership.models import DataFile, DistinctReaders, ErasureRequest, ReaderMerge
from reservations.handovers import Handover, hand_back, hand_over
from reservations.models import Reservation

CHOSEN = (
    "full_name", "birth_date", "phone", "email", "postal_address", "language", "category", "home_branch", "card_number",
    "registered_on", "expires_on", "user", "keeps_history", "note",
)  # fmt: skip
"""Fields of which one reader's value is taken. With the number goes whether that card is lost."""
STAYING = (
    Entry,
    Reservation,
    Consent,
    Preference,
    SavedSearch,
    ReaderPhoto,
    ReaderMerge,
    DistinctReaders,
    DataFile,
    ErasureRequest,
)
"""What keeps pointing to the entry that is merged away, or has a way of its own."""


class Record(TypedDict):
    """What a merge did, for undoing it."""

    gone: list[dict[str, Any]]
    """Of the entries merged away: id, card_number, is_card_lost, user_id."""
    before: dict[str, Any]
    """Columns of the reader who stays, as they were."""
    after: dict[str, Any]
    """The same columns when the merge was done."""
    moved: list[tuple[str, str, int, list[int]]]
    """Model, column, the reader it led to, the keys of the rows."""
    reservations: Handover
    cards: list[str]
    """Card numbers that lead to the reader who stays."""
    closed: list[int]
    """Users whose sign-in was closed."""


def merge_readers(
    *, survivor_id: int, merged_ids: Collection[int], choices: Mapping[str, int], by: Any, now: datetime
) -> ReaderMerge:
    """Make one reader of several: everything of the others becomes the survivor's, their card numbers keep working.

    `choices` says for a field of `CHOSEN` the reader whose value is taken, else the survivor's. Of reservations of one
    book the first stays. Raises Invalid (`__all__`) when one of them is gone or the fields do not fit together, Busy.
    """
    with one_commit():
        wanted = sorted({survivor_id, *merged_ids})
        readers = lock_readers(wanted)
        _check(readers, wanted)
        gone = [pk for pk in wanted if pk != survivor_id]
        survivor = readers[survivor_id]
        names = [str(readers[pk])[:300] for pk in gone]
        columns = {name: Reader._meta.get_field(name).attname for name in CHOSEN}  # type: ignore[union-attr] # columns
        values = {columns[name]: getattr(readers[choices.get(name, survivor_id)], columns[name]) for name in CHOSEN}
        card = readers[choices.get("card_number", survivor_id)]
        values["is_card_lost"] = card.is_card_lost
        before = {name: getattr(survivor, name) for name in values}
        record: Record = {
            "gone": [
                {"id": pk, "card_number": one.card_number, "is_card_lost": one.is_card_lost, "user_id": one.user_id}
                for pk in gone
                for one in [readers[pk]]
            ],
            "before": before,
            "after": values,
            "moved": _turn(gone, into=survivor_id),
            "reservations": hand_over(from_ids=gone, to_id=survivor_id, by=by, now=now),
            "cards": [],
            "closed": _close_sign_ins(readers.values(), kept=values["user_id"]),
        }
        for pk in gone:
            words = _("Merged readers")
            cashdesk.actions.hand_over(from_id=pk, to_id=survivor_id, reason=words, by=by, now=now)
        Reader.objects.filter(pk__in=wanted).update(user=None)
        for pk in gone:
            Reader.objects.filter(pk=pk).update(card_number=f"merged-{pk}", merged_into=survivor_id)
        for name, value in values.items():
            setattr(survivor, name, value)
        _save(survivor, list(values))
        record["cards"] = _keep_cards(readers.values(), card, before, survivor, by=by, now=now)
        merge = ReaderMerge.objects.create(survivor=survivor, names=names, at=now, by=by, record=stored(record))  # type: ignore[arg-type] # another record
        detail = {"merged": names, "merge": merge.pk, "cancelled": len(record["reservations"]["cancelled"])}
        audit.record(action="readership.merge_readers", subject=survivor, by=by, now=now, detail=detail)
        return merge


def undo_merge(*, merge_id: int, by: Any, now: datetime) -> list[str]:
    """Take a merge back; in words, what could not be: what came later stays with the reader who stayed.

    Raises Invalid (`__all__`) when it was undone already, or the reader who stayed was merged or erased since; Refused
    (`transfer_is_settled`), ReaderMerge.DoesNotExist, Busy.
    """
    with one_commit():
        merge = ReaderMerge.objects.select_for_update().get(pk=merge_id)
        record: Record = merge.record
        gone = {row["id"]: row for row in record.get("gone", [])}
        doubles = [pk for pk, _order, _state in record["reservations"]["cancelled"]] if gone else []
        readers = lock_readers([merge.survivor_id, *gone], doubles=doubles)
        survivor = readers[merge.survivor_id]
        _check_undo(merge, survivor, readers)
        problems = _give_back_fields(survivor, record)
        lost = _give_back_rows(record, survivor.pk)
        problems += [
            _("%(things)s: %(count)d moved or deleted since, left where they are.") % {"things": things, "count": count}
            for things, count in lost.items()
        ]
        FormerCard.objects.filter(number__in=record["cards"], reader=survivor).delete()
        for row in gone.values():
            problems += _give_back_card(readers[row["id"]], row)
        problems += hand_back(record["reservations"], from_id=survivor.pk, by=by, now=now)
        for pk in gone:
            words = _("The merge of readers is undone")
            cashdesk.actions.take_back(from_id=pk, to_id=survivor.pk, reason=words, by=by, now=now)
        User.objects.filter(pk__in=record["closed"]).update(is_active=True)
        merge.undone_at, merge.undone_by = now, by
        merge.save(update_fields=["undone_at", "undone_by"])
        detail = {"restored": merge.names, "merge": merge.pk, "problems": problems}
        audit.record(action="readership.undo_merge", subject=survivor, by=by, now=now, detail=detail)
        return problems


def tell_apart(*, reader_ids: Collection[int], by: Any, now: datetime) -> None:
    """Remember that readers who look the same are not."""
    keys = sorted(set(Reader.objects.current().filter(pk__in=reader_ids).values_list("pk", flat=True)))[:MOST_MERGED]
    pairs = [(first, second) for first in keys for second in keys if first < second]
    DistinctReaders.objects.bulk_create(
        [DistinctReaders(first_id=first, second_id=second, at=now, by=by) for first, second in pairs],
        ignore_conflicts=True,
    )


# --- Parts, under their locks --------------------------------------------------------------------------------------


def _check(readers: Mapping[int, Reader], wanted: Collection[int]) -> None:
    if not 2 <= len(wanted) <= MOST_MERGED:
        raise Invalid({"__all__": [_("Choose from 2 to %(most)d of them.") % {"most": MOST_MERGED}]})
    if len(readers) < len(wanted) or any(one.merged_into_id or one.erased_at for one in readers.values()):
        raise Invalid({"__all__": [_("One of the readers is gone: merged or erased. Look at the list again.")]})


def _check_undo(merge: ReaderMerge, survivor: Reader, readers: Mapping[int, Reader]) -> None:
    words = ""
    if merge.undone_at:
        words = _("This merge was undone already.")
    elif survivor.merged_into_id:
        words = _("The reader who stayed was merged into another since. Undo that merge first.")
    elif survivor.erased_at or not merge.record.get("gone"):
        words = _("The reader was erased: there is nothing to bring back.")
    elif any(one.merged_into_id != survivor.pk for one in readers.values() if one.pk != survivor.pk):
        words = _("What was merged here is no longer where it went. Undo the later merge first.")
    if words:
        raise Invalid({"__all__": [words]})


def _turn(gone: Collection[int], *, into: int) -> list[tuple[str, str, int, list[int]]]:
    """Turn all that points to the readers `gone` to the one who stays, whichever app it belongs to."""
    moved = []
    for model, column in links_to(Reader, STAYING):
        rows = model._base_manager.filter(**{f"{column}__in": gone}).order_by()
        for reader_id, keys in rows.values_list(column).annotate(keys=ArrayAgg("pk", order_by="pk")):
            moved.append((model._meta.label_lower, column, reader_id, keys))
        rows.update(**{column: into})
    return moved


def _close_sign_ins(readers: Collection[Reader], *, kept: int | None) -> list[int]:
    """Of several sign-ins one stays; that of somebody who works here is only parted from the reader."""
    closed = [
        one.user.pk
        for one in readers
        if one.user and one.user.pk != kept and one.user.is_active and one.user.role not in STAFF_ROLES
    ]
    User.objects.filter(pk__in=closed).update(is_active=False)
    return closed


def _keep_cards(
    readers: Collection[Reader], card: Reader, before: Mapping[str, Any], survivor: Reader, *, by: Any, now: datetime
) -> list[str]:
    """All numbers but the one on the card still lead to the reader, unless that card was lost."""
    kept = []
    for one in readers:
        number, is_lost = one.card_number, one.is_card_lost
        if one.pk == survivor.pk:
            number, is_lost = before["card_number"], before["is_card_lost"]
        if one.pk == card.pk:
            continue
        state = FormerCard.State.LOST if is_lost else FormerCard.State.WORKS
        FormerCard.objects.create(reader=survivor, number=number, state=state, ended_at=now, ended_by=by)
        kept.append(number)
    return kept


def _save(reader: Reader, names: list[str]) -> None:
    fields = [Reader._meta.get_field(name).name for name in names]
    try:
        with transaction.atomic():
            reader.save(update_fields=fields)
    except IntegrityError as error:
        words = _("The card cannot expire before the registration.")
        raise Invalid({"__all__": [words]}) from error


def _give_back_fields(survivor: Reader, record: Record) -> list[str]:
    """The reader who stays gets the former fields back, but for those that were changed since."""
    now = rows_of(Reader, pk=survivor.pk)[0]
    fields = {field.attname: field for field in Reader._meta.concrete_fields}

    def loaded(name: str, value: Any) -> Any:
        return getattr(fields[name], "target_field", fields[name]).to_python(value)

    problems, back = [], []
    for name, value in record["before"].items():
        former, made = loaded(name, value), loaded(name, record["after"][name])
        if former == made:
            continue
        if now[name] == made:
            setattr(survivor, name, former)
            back.append(name)
        elif name != "is_card_lost":
            words = _("%(field)s was changed since and stays as it is.")
            problems.append(words % {"field": fields[name].verbose_name})
    if back:
        _save(survivor, back)
    return problems


def _give_back_rows(record: Record, survivor_id: int) -> dict[str, int]:
    """Turn rows back, unless they were moved on since; what is lost by the name of its kind."""
    lost: dict[str, int] = {}
    for label, column, former, keys in record["moved"]:
        model = apps.get_model(label)
        done = model._base_manager.filter(pk__in=keys, **{column: survivor_id}).update(**{column: former})
        if done < len(keys):
            things = str(model._meta.verbose_name_plural)
            lost[things] = lost.get(things, 0) + len(keys) - done
    return lost


def _give_back_card(reader: Reader, row: Mapping[str, Any]) -> list[str]:
    """The entry is a reader again, with its number unless that went otherwise since, and its sign-in."""
    problems = []
    reader.merged_into = None
    reader.card_number, reader.is_card_lost = row["card_number"], row["is_card_lost"]
    if is_card_number_taken(reader.card_number):
        reader.card_number = accounts.actions.next_card_number()
        words = _("%(name)s gets the new card %(card)s: the former number was replaced since.")
        problems.append(words % {"name": reader.full_name, "card": reader.card_number})
    if row["user_id"] and not Reader.objects.filter(user=row["user_id"]).exists():
        reader.user_id = row["user_id"]
    reader.save(update_fields=["merged_into", "card_number", "is_card_lost", "user"])
    return problems
