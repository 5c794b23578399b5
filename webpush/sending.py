"""One message to one browser: encrypted for it alone (RFC 8291), signed by the library (RFC 8292), bounded.

The address was given by a browser, so it may lead anywhere: only https, no private networks, no redirects, and what is
answered is not looked at beyond its status.
"""

import os
import time
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import lru_cache
from ssl import SSLContext
from urllib.parse import urlsplit

import http_ece
import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from library.core import addresses
from webpush.keys import decoded, own
from webpush.models import Subscription

TIMEOUT = 10.0
MOST_BYTES = 3900
"""Of a message before it is encrypted: push services take 4096 altogether."""
SIGNATURE_SECONDS = 12 * 3600


class Gone(Exception):
    """The browser has switched its messages off, or is no more."""


class TooLarge(Exception):
    """The push service takes no message of this size."""


class NotTaken(Exception):
    """The push service did not take it now."""


@lru_cache(1)
def _trust() -> SSLContext:
    """The certificates believed in, read once."""
    return httpx.create_ssl_context()


@dataclass(slots=True)
class Sender:
    """Sends many messages over few connections. `close` it."""

    http: httpx.Client = field(default_factory=lambda: httpx.Client(verify=_trust(), timeout=TIMEOUT))
    _signed: dict[str, str] = field(default_factory=dict)

    def send(self, subscription: Subscription, content: bytes, *, topic: str, seconds: int, is_urgent: bool) -> None:
        """Hand a message over. Of one `topic`, up to 32 characters, a browser that was away is shown the last only.

        `seconds`: how long the push service keeps it. Raises Gone, TooLarge, NotTaken.
        """
        url = httpx.URL(subscription.endpoint)
        address = self._address(url)
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Authorization": self._authorization(url),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(seconds),
            "Urgency": "high" if is_urgent else "normal",
            "Topic": topic,
        }
        body = encrypted(content, subscription)
        try:
            with self.http.stream(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": url.raw_host.decode()},
            ) as answer:
                status = answer.status_code
        except (httpx.HTTPError, OSError) as error:
            raise NotTaken(f"{url.host}: {type(error).__name__}") from None
        if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise Gone
        if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            raise TooLarge(f"{url.host}: {status}")
        if not 200 <= status < 300:
            raise NotTaken(f"{url.host}: {status}")

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()

    def _address(self, url: httpx.URL) -> str:
        may_be_private = settings.PUSH_PRIVATE_ADDRESSES
        if url.scheme != "https" and not may_be_private:
            raise NotTaken(f"{url.host}: not https")
        try:
            return addresses.address_of(url.host, url.port or 443, may_be_private=may_be_private)
        except (addresses.Unknown, addresses.Private) as error:
            raise NotTaken(f"{url.host}: {type(error).__name__.lower()} address") from None

    def _authorization(self, url: httpx.URL) -> str:
        """Who we are and that the message is for this very service; made once for each."""
        parts = urlsplit(str(url))
        audience = f"{parts.scheme}://{parts.netloc}"
        if audience not in self._signed:
            contact = f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"
            claims = {"aud": audience, "exp": int(time.time()) + SIGNATURE_SECONDS, "sub": contact}
            self._signed[audience] = own().sign(claims)["Authorization"]
        return self._signed[audience]


def encrypted(content: bytes, subscription: Subscription) -> bytes:
    """So that nobody but the browser reads it: neither its maker nor the push service."""
    encoded: bytes = http_ece.encrypt(
        content,
        salt=os.urandom(16),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=decoded(subscription.public_key),
        auth_secret=decoded(subscription.secret),
        version="aes128gcm",
    )
    return encoded
