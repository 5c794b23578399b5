"""Erasing a reader: what the law lets go, goes; what it asks to keep stays without a name.

The row of the reader, and of entries merged into it, stays as a stub that the ledger hangs on. Loans and reservations
are forgotten, as history is; blocks, letters, cards, consents and files are deleted; the sign-in is closed for good and
carries no name; the audit keeps the deeds.
"""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts.models import STAFF_ROLES, Consent, FormerCard, Reader, ReaderBlock, ReaderPhoto, User
from cashdesk.models import Entry
from cashdesk.queries import balance_of
from circulation.models import Loan
from library.core import audit
from library.core.errors import Busy, Invalid, Refused
from library.core.models import AuditEntry
from library.core.transactions import one_commit
from notifications.models import Bounce, Letter, Notice, Preference, SavedSearch
from readership import forgetting, rules
from readership.locks import lock_readers
from readership.models import DataFile, DistinctReaders, ErasureRequest, ReaderMerge
from reservations.actions import cancel
from reservations.models import Reservation
from telegram.models import Chat
from webpush.models import Subscription

HARMLESS = ("amount", "kind", "receipt", "of", "job")
"""What the audit of the ledger keeps of its details."""


def erasure_facts(reader: Reader) -> rules.ErasureFacts:
    """What decides whether a reader can be erased. Four queries."""
    return rules.ErasureFacts(
        is_gone=bool(reader.erased_at or reader.merged_into_id),
        open_loans=Loan.objects.open().filter(reader=reader).count(),
        balance=balance_of(reader.pk),
        set_aside=Reservation.objects.filter(reader=reader, state__in=Reservation.SET_ASIDE).count(),
        is_staff=bool(reader.user and reader.user.role in STAFF_ROLES),
    )


def ask(*, reader_id: int, by: User, now: datetime) -> ErasureRequest:
    """A reader wishes to be erased: it is done at once, or waits for staff, by READER_ERASURE.

    A second wish is the first. Raises Refused with every reason, Busy.
    """
    with one_commit():
        reader = Reader.objects.current().select_related("user").locked().get(pk=reader_id)
        if known := ErasureRequest.objects.filter(reader=reader, state=ErasureRequest.State.WAITING).first():
            return known
        if refusals := rules.erasure_refusals(erasure_facts(reader)):
            raise Refused(refusals)
        wish = ErasureRequest.objects.create(reader=reader, asked_at=now)
        audit.record(action="readership.ask_to_be_erased", subject=reader, by=by, now=now)
    if settings.READER_ERASURE == "at_once":
        erase(reader_id=reader_id, by=by, now=now)
        wish.refresh_from_db()
    return wish


def withdraw(*, reader_id: int, by: User, now: datetime) -> None:
    """The reader would rather stay. Twice does no harm."""
    _decide(reader_id, ErasureRequest.State.WITHDRAWN, by=by, now=now)


def decline(*, reader_id: int, why: str, by: User, now: datetime) -> None:
    """Staff do not erase, and say why. Raises Invalid (`why`)."""
    if not why.strip():
        raise Invalid({"why": [_("Say why, so that colleagues can explain it to the reader.")]})
    _decide(reader_id, ErasureRequest.State.DECLINED, by=by, now=now, why=why.strip()[:300])


def _decide(reader_id: int, state: ErasureRequest.State, *, by: User, now: datetime, why: str = "") -> None:
    with one_commit():
        reader = Reader.objects.locked().get(pk=reader_id)
        waiting = ErasureRequest.objects.filter(reader=reader, state=ErasureRequest.State.WAITING)
        if waiting.update(state=state, decided_at=now, decided_by=by, why=why):
            detail = {"state": str(state)}
            audit.record(action="readership.decide_erasure", subject=reader, by=by, now=now, detail=detail)


def erase(*, reader_id: int, by: User | None, now: datetime) -> Reader:
    """Erase a reader, in one commit. Waiting reservations end without a letter.

    Raises Refused with every reason (`loans_open`, `money_owed`, `credit_left`, `reservation_ready`, `works_here`,
    `reader_gone`), Busy.
    """
    with one_commit():
        keys = list(Reader.objects.filter(merged_into=reader_id).values_list("pk", flat=True))
        readers = lock_readers([reader_id, *keys])
        reader = readers[reader_id]
        if refusals := rules.erasure_refusals(erasure_facts(reader)):
            raise Refused(refusals)
        for key in Reservation.objects.active().filter(reader=reader).values_list("pk", flat=True):
            cancel(reservation_id=key, by=by, now=now, why=_("The reader is erased."), is_told=False)
        done = forgetting.forget_all_of(list(readers))
        if Loan.objects.filter(reader__in=readers).exists() or Reservation.objects.filter(reader__in=readers).exists():
            raise Busy
        forgetting.forget_answers(reader)
        users = [one.user for one in readers.values() if one.user]
        _forget_audit(list(readers), [user.pk for user in users])
        Bounce.objects.filter(address__in=[one.email.lower() for one in readers.values()]).delete()
        for one in readers.values():
            _blank(one, now)
        for user in users:
            _close(user)
        for model in (ReaderBlock, ReaderPhoto, Notice, Letter, Preference, SavedSearch, FormerCard, Consent, DataFile):
            model._default_manager.filter(reader__in=readers).delete()
        Subscription.objects.filter(reader__in=readers).delete()
        DistinctReaders.objects.filter(first__in=readers).delete()
        DistinctReaders.objects.filter(second__in=readers).delete()
        ReaderMerge.objects.filter(survivor__in=readers).update(names=[], record={})
        wishes = ErasureRequest.objects.filter(reader__in=readers)
        wishes.update(why="")
        wishes.filter(state=ErasureRequest.State.WAITING).update(
            state=ErasureRequest.State.DONE, decided_at=now, decided_by=by
        )
        audit.record(action="readership.erase", subject=reader, by=by, now=now, detail=done.as_json())
        return reader


def _blank(reader: Reader, now: datetime) -> None:
    """The row without anything that tells who it was; category and branch stay for the sums."""
    reader.full_name, reader.card_number = "—", f"erased-{reader.pk}"
    reader.birth_date, reader.email, reader.phone, reader.note, reader.postal_address = None, "", "", "", ""
    reader.user, reader.keeps_history, reader.is_card_lost, reader.erased_at = None, False, False, now
    reader.save(
        update_fields=[
            "full_name", "card_number", "birth_date", "email", "phone", "postal_address", "note", "user",
            "keeps_history", "is_card_lost", "erased_at",
        ]
    )  # fmt: skip


def _close(user: User) -> None:
    """Nobody signs in with it, and it names nobody; deeds of before still point to it."""
    EmailAddress.objects.filter(user=user).delete()
    OutstandingToken.objects.filter(user=user).delete()
    Chat.objects.filter(user=user).delete()
    user.email, user.full_name, user.is_active = f"erased-{user.uid}@erased.invalid", "", False
    user.set_unusable_password()
    user.save(update_fields=["email", "full_name", "is_active", "password"])


def _forget_audit(readers: list[int], users: list[int]) -> None:
    letters = Letter.objects.filter(reader__in=readers)
    for kind, keys in (("accounts.reader", readers), ("accounts.user", users)):
        AuditEntry.objects.filter(subject_type=kind, subject_id__in=keys).update(
            subject_name=forgetting.GONE, detail={}
        )
    AuditEntry.objects.filter(subject_type="notifications.letter", subject_id__in=letters.values("pk")).update(
        subject_name=forgetting.GONE
    )
    entries = Entry.objects.filter(reader__in=readers).values("pk")
    money = list(AuditEntry.objects.filter(subject_type="cashdesk.entry", subject_id__in=entries))
    for deed in money:
        deed.subject_name = forgetting.GONE
        deed.detail = {name: value for name, value in deed.detail.items() if name in HARMLESS}
    AuditEntry.objects.bulk_update(money, ["subject_name", "detail"], batch_size=forgetting.BATCH_SIZE)
