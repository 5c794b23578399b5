"""Switching the messages of a browser on and off."""

from datetime import datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import Reader
from library.core.errors import Invalid
from library.core.transactions import one_commit
from webpush.keys import decoded
from webpush.models import MAX_ENDPOINT, Subscription

MOST = 10
"""Browsers of one reader; the oldest gives way."""
POINT_BYTES, SECRET_BYTES = 65, 16
_BROWSERS = (
    ("YaBrowser", "Yandex Browser"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def switch_on(
    *, reader: Reader, endpoint: str, public_key: str, secret: str, user_agent: str, now: datetime
) -> Subscription:
    """Let a browser show this reader's letters, and no longer anybody else's. Twice does no harm. Raises Invalid."""
    if not _is_address(endpoint):
        raise Invalid({"endpoint": [_("This browser names no address to which messages can be sent.")]})
    if not (_is_point(public_key) and len(decoded(secret)) == SECRET_BYTES):
        raise Invalid({"keys": [_("This browser gave no keys that messages can be encrypted with.")]})
    with one_commit():
        Reader.objects.locked().only("pk").get(pk=reader.pk)
        values = {
            "reader": reader,
            "public_key": public_key.rstrip("="),
            "secret": secret.rstrip("="),
            "device": device_name(user_agent),
            "since": now,
        }
        subscription, _is_new = Subscription.objects.update_or_create(endpoint=endpoint, defaults=values)
        kept = Subscription.objects.filter(reader=reader).order_by("-since", "-pk").values_list("pk", flat=True)[:MOST]
        Subscription.objects.filter(reader=reader).exclude(pk__in=list(kept)).delete()
    return subscription


def switch_off(*, reader: Reader, endpoint: str = "", uid: str | None = None) -> bool:
    """Send nothing more to one of this reader's browsers, named by its address or by its public id."""
    own = Subscription.objects.filter(reader=reader)
    found = own.filter(uid=uid) if uid else own.filter(endpoint=endpoint)
    return bool(found.delete()[0])


def device_name(user_agent: str) -> str:
    """What a reader calls a browser: Firefox, Windows. It is for recognising only."""
    names = [next((name for mark, name in known if mark in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, names)) or "?"


def _is_address(endpoint: str) -> bool:
    """Https and without a name and password; private networks are refused when something is sent, by their address."""
    if len(endpoint) > MAX_ENDPOINT or not endpoint.isascii() or not endpoint.isprintable():
        return False
    try:
        parts = urlsplit(endpoint)
        is_whole = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
    return is_whole and (parts.scheme == "https" or (parts.scheme == "http" and settings.PUSH_PRIVATE_ADDRESSES))


def _is_point(public_key: str) -> bool:
    content = decoded(public_key)
    if len(content) != POINT_BYTES:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), content)
    except ValueError:
        return False
    return True
