"""The signed link in a letter by which its reader, and nobody else, switches that kind of letter off."""

import uuid

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import Reader
from notifications.models import OPTIONAL, Event

SALT = "notifications.unsubscribe"


def unsubscribe_url(reader: Reader, event: str) -> str:
    """The whole address; empty for what a reader cannot do without. Good for ever, as letters are kept."""
    if event not in OPTIONAL:
        return ""
    token = signing.dumps([reader.uid.hex, str(event)], salt=SALT, compress=False)
    return f"{settings.LIBRARY_URL}{reverse('unsubscribe', args=[token])}"


def read_token(token: str) -> tuple[Reader, Event]:
    """Whose link it is, and for which event. Raises BadSignature, also when the reader is gone."""
    uid, event = signing.loads(token, salt=SALT)
    reader = Reader.objects.current().filter(uid=uuid.UUID(uid)).first()
    if reader is None or event not in OPTIONAL:
        raise signing.BadSignature
    return reader, Event(event)
