"""All that the library knows of a reader, as a zip of JSON and CSV: asked for, made, fetched, and gone after a week."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Consent, FormerCard, Reader, ReaderBlock, ReaderPhoto, User
from cashdesk.models import DEBITS, Entry
from circulation.models import Loan
from library.core import audit
from library.core.models import AuditEntry
from library.core.transactions import one_commit
from notifications.models import Letter, Preference, SavedSearch
from readership.models import DataFile, ErasureRequest
from reservations.models import Reservation
from telegram.models import Chat
from webpush.models import Subscription

SMALL = 300
"""Loans and audit entries up to which a file is made while the reader waits; more is a worker's task."""
LEASE = timedelta(minutes=10)
"""After so long another worker takes up a file whose maker was killed."""
ONCE_IN = timedelta(hours=1)
"""Who asks again within this time gets the file of before."""
Row = dict[str, Any]


def ask_for_data(*, reader_id: int, by: User | None, now: datetime) -> DataFile:
    """Ask for the file with all data of a reader: the one under way or just made, else a new one. Raises Busy."""
    with one_commit():
        reader = Reader.objects.current().locked().get(pk=reader_id)
        files = DataFile.objects.filter(reader=reader).defer("content")
        fresh = files.filter(
            Q(state=DataFile.State.WAITING) | Q(asked_at__gt=now - ONCE_IN, expires_at__gt=now)
        ).first()
        if fresh:
            return fresh
        made = DataFile.objects.create(reader=reader, asked_at=now, asked_by=by)
        audit.record(action="readership.ask_for_data", subject=reader, by=by, now=now)
    return made


def is_small(reader_id: int) -> bool:
    """Whether the file of a reader is made in no time."""
    loans = Loan.objects.filter(reader=reader_id)[: SMALL + 1].count()
    return loans + AuditEntry.objects.filter(_about(_rows_of(reader_id)))[: SMALL + 1].count() <= SMALL


def make(*, file_id: int, now: datetime) -> bool:
    """Make a file that waits, unless somebody else is at it; whether it is made. Killed half-way, it is made again."""
    waiting = DataFile.objects.filter(pk=file_id, state=DataFile.State.WAITING)
    free = waiting.filter(Q(claimed_at=None) | Q(claimed_at__lt=now - LEASE))
    if not free.update(claimed_at=now):
        return False
    reader = Reader.objects.get(data_files=file_id)
    content = zipped(reader, now=now)
    expires_at = now + timedelta(days=settings.READER_DATA_DAYS)
    done = waiting.filter(claimed_at=now).update(
        state=DataFile.State.READY, content=content, size=len(content), ready_at=now, expires_at=expires_at
    )
    return bool(done)


def make_all(*, now: datetime) -> int:
    """Make the files that wait, and delete those past their time; how many were made."""
    DataFile.objects.filter(state=DataFile.State.READY, expires_at__lte=now).delete()
    waiting = DataFile.objects.filter(state=DataFile.State.WAITING).order_by("asked_at")
    return sum(make(file_id=key, now=now) for key in waiting.values_list("pk", flat=True))


def fetch(file: DataFile, *, by: User, now: datetime) -> bytes:
    """The zip, for whom the door let through; that it was fetched is written down."""
    audit.record(action="readership.fetch_data", subject=file.reader, by=by, now=now)
    return bytes(DataFile.objects.values_list("content", flat=True).get(pk=file.pk))


def files_visible_to(user: User, *, now: datetime) -> QuerySet[DataFile]:
    """One's own files that are not past their time; all of them for who may give out readers' data."""
    files = DataFile.objects.select_related("reader").defer("content")
    files = files.filter(Q(expires_at=None) | Q(expires_at__gt=now))
    if user.has_perm("readership.give_reader_data"):
        return files
    return files.filter(reader__user=user)


def zipped(reader: Reader, *, now: datetime) -> bytes:
    """The zip: everything in one data.json, each kind in a table of its own."""
    data = {name: list(rows) for name, rows in collected(reader).items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        words = _("All that %(library)s keeps about %(name)s, on %(day)s.")
        names = {"library": settings.LIBRARY_NAME, "name": reader.full_name, "day": timezone.localdate(now).isoformat()}
        archive.writestr("README.txt", words % names + "\n")
        text = json.dumps({"made_at": now, **data}, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
        archive.writestr("data.json", text)
        for photo in ReaderPhoto.objects.filter(reader=reader):
            archive.writestr("photo.webp", bytes(photo.image))
        for name, rows in data.items():
            archive.writestr(f"{name}.csv", _table(rows))
    return buffer.getvalue()


def collected(reader: Reader) -> dict[str, Iterable[Row]]:
    """Everything about a reader, and about the entries that were merged into theirs, by kind. Staff are not named."""
    keys = _rows_of(reader.pk)
    return {
        "profile": Reader.objects.filter(pk__in=keys).values(
            "uid", "full_name", "birth_date", "email", "phone", "postal_address", "language", "registered_on",
            "expires_on", "note", "keeps_history", category_name=F("category__name"), branch=F("home_branch__name"),
            signs_in_as=F("user__email"), last_sign_in=F("user__last_login"),
        ),
        "cards": _cards(keys),
        "loans": Loan.objects.filter(reader__in=keys).order_by("checked_out_at").values(
            "uid", "checked_out_at", "due_at", "returned_at", "renewals", "lost_at", title=F("copy__book__title"),
            inventory_number=F("copy__inventory_number"), lent_at_branch=F("branch__name"),
        ),
        "reservations": Reservation.objects.filter(reader__in=keys).order_by("placed_at").values(
            "uid", "state", "placed_at", "ended_at", "why", title=F("book__title"), pickup=F("pickup_branch__name")
        ),
        "charges": _entries(keys).filter(kind__in=DEBITS),
        "payments": _entries(keys).exclude(kind__in=DEBITS),
        "blocks": ReaderBlock.objects.filter(reader__in=keys).values(
            "kind", "reason", "starts_on", "ends_on", "lifted_at"
        ),
        "letters": Letter.objects.filter(reader__in=keys).order_by("created_at").values(
            "event", "channel", "address", "created_at", "sent_at", told=F("notices__data")
        ),
        "letter_preferences": Preference.objects.filter(reader__in=keys).values("event", "channel", "is_daily"),
        "saved_searches": SavedSearch.objects.filter(reader__in=keys).values("name", "address", "created_at"),
        "telegram": Chat.objects.filter(user__reader__in=keys).values("chat_id", "linked_at", "blocked_at"),
        "browsers": Subscription.objects.filter(reader__in=keys).values("device", "endpoint", "since"),
        "consents": Consent.objects.filter(reader__in=keys).values("kind", "given_at", "withdrawn_at"),
        "wishes": ErasureRequest.objects.filter(reader__in=keys).values("asked_at", "state", "decided_at", "why"),
        "audit": _deeds(reader, keys),
    }  # fmt: skip


def _rows_of(reader_id: int) -> list[int]:
    """The reader, and the entries that were merged into theirs."""
    rows = Reader.objects.filter(Q(pk=reader_id) | Q(merged_into=reader_id)).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _about(keys: list[int]) -> Q:
    loans, reserved = Loan.objects.filter(reader__in=keys), Reservation.objects.filter(reader__in=keys)
    return (
        Q(subject_type="accounts.reader", subject_id__in=keys)
        | Q(subject_type="circulation.loan", subject_id__in=loans.values("pk"))
        | Q(subject_type="reservations.reservation", subject_id__in=reserved.values("pk"))
    )


def _cards(keys: list[int]) -> Iterator[Row]:
    for reader in Reader.objects.filter(pk__in=keys, merged_into=None):
        yield {"number": reader.card_number, "state": "lost" if reader.is_card_lost else "valid", "until": None}
    for card in FormerCard.objects.filter(reader__in=keys):
        yield {"number": card.number, "state": card.state, "until": card.ended_at}


def _entries(keys: list[int]) -> Any:
    return Entry.objects.filter(reader__in=keys).order_by("at", "pk").values(
        "uid", "at", "kind", "amount", "reason", "method", "receipt_year", "receipt_number", "overdue_days",
        title=F("copy__book__title"), branch_name=F("branch__name"),
    )  # fmt: skip


def _deeds(reader: Reader, keys: list[int]) -> Iterator[Row]:
    """Who is told as «reader», «staff» or «library»: whoever works here has a right to their name."""
    entries = AuditEntry.objects.filter(_about(keys)).order_by("at", "pk")
    for entry in entries.iterator(chunk_size=1000):
        by = "library" if entry.actor_id is None else "reader" if entry.actor_id == reader.user_id else "staff"
        yield {
            "at": entry.at,
            "action": entry.action,
            "subject_name": entry.subject_name,
            "detail": entry.detail,
            "by": by,
        }


def _table(rows: list[Row]) -> str:
    """CSV that office programs open as text: nothing in a cell is a formula."""
    buffer = io.StringIO()
    if rows:
        writer = csv.DictWriter(buffer, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return "\ufeff" + buffer.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
