"""The library's own pair of keys, by which push services know it (VAPID, RFC 8292)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from py_vapid import Vapid02

POINT = {"encoding": serialization.Encoding.X962, "format": serialization.PublicFormat.UncompressedPoint}


def new_private_key() -> str:
    """A fresh private key for the setting PUSH_PRIVATE_KEY: 32 bytes in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64url(number.to_bytes(32, "big"))


def public_key() -> str:
    """What browsers are told, to let nobody else send them messages: a point of P-256 in base64url."""
    return base64url(own().public_key.public_bytes(**POINT))


def own() -> Vapid02:
    """The pair of the setting. Raises ValueError for something that is no key."""
    return _pair(settings.PUSH_PRIVATE_KEY)


@lru_cache(maxsize=2)
def _pair(private_key: str) -> Vapid02:
    return Vapid02.from_raw(private_key.encode())


def base64url(content: bytes) -> str:
    """Without padding, as everywhere in Web Push."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Of base64url with or without padding; empty for what is none, or far too long."""
    bare = text.rstrip("=")
    try:
        return urlsafe_b64decode(bare + "=" * (-len(bare) % 4)) if len(bare) < 100 else b""
    except ValueError:
        return b""
