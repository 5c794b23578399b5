"""Browsers that show a reader the letters of the library as messages."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Reader

MAX_ENDPOINT = 700


class Subscription(models.Model):
    """One browser of one reader, as it introduced itself (RFC 8030, 8291). Written by `webpush.actions`.

    A browser shows the messages of the reader who switched them on last: `browser_shows_one_readers_messages`.
    """

    uid = models.UUIDField(_("public id"), unique=True, default=uuid.uuid4, editable=False)
    reader = models.ForeignKey(Reader, models.CASCADE, related_name="push_subscriptions", verbose_name=_("reader"))
    endpoint = models.CharField(_("address"), max_length=MAX_ENDPOINT)
    """Where the browser's maker takes messages for it: https, and as secret as a key."""
    public_key = models.CharField(_("public key"), max_length=88)
    """The browser's, a point of P-256 in base64url: only it can read what is encrypted for it."""
    secret = models.CharField(_("secret"), max_length=24)
    """What the browser shares with us alone, in base64url."""
    device = models.CharField(_("browser"), max_length=60)
    """As its reader knows it: Firefox, Windows."""
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("browser with messages")
        verbose_name_plural = _("browsers with messages")
        ordering = ["-since", "-pk"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["endpoint"], name="browser_shows_one_readers_messages")]

    def __str__(self) -> str:
        return self.device
