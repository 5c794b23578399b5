"""Messages from staff: to one reader, or to many at once."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import MOST_WRITTEN_TO, Reader, User
from library.core import audit
from library.core.errors import Invalid
from notifications.actions import Draft, enqueue_many
from notifications.letters import MessageData
from notifications.models import Event, Message


def write_message(*, reader_ids: Collection[int], subject: str, text: str, by: User, now: datetime) -> Message:
    """Write to these readers, each the way they chose; in one commit, with an entry in the audit.

    Readers who were merged or erased meanwhile are left out. Raises Invalid (`subject`, `text`, `readers`).
    """
    subject, text = " ".join(subject.split()), text.strip()
    if not subject or not text:
        raise Invalid({"text" if subject else "subject": [_("Say what it is about, and what you have to say.")]})
    with transaction.atomic():
        readers = list(Reader.objects.current().filter(pk__in=reader_ids).order_by("pk")[: MOST_WRITTEN_TO + 1])
        if not 1 <= len(readers) <= MOST_WRITTEN_TO:
            raise Invalid({"readers": [_("Choose from 1 to %(most)d readers.") % {"most": MOST_WRITTEN_TO}]})
        message = Message.objects.create(
            subject=subject, text=text, written_by=by, written_at=now, readers=len(readers)
        )
        data = MessageData(message=str(message.uid), subject=subject, text=text)
        drafts = (
            Draft(key=f"{Event.MESSAGE}:{message.uid}:{reader.uid}", event=Event.MESSAGE, reader=reader, data=data)
            for reader in readers
        )
        enqueue_many(drafts, now=now)
        audit.record(action="notifications.message", subject=message, by=by, now=now, detail={"readers": len(readers)})
    return message
