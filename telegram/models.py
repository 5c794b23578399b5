"""Whose chat is whose: the link between somebody who signs in and their private chat with the bot."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class Chat(models.Model):
    """The private chat of one user with the bot. Written by `telegram.linking`.

    One chat speaks for one user, and a user has one chat: `chat_speaks_for_one`, and the key of `user`. Readers and
    staff are linked alike; who has a card finds their loans there, who has the permissions finds copies.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="telegram_chat", verbose_name=_("user"))
    chat_id = models.BigIntegerField(_("chat"))
    """Telegram's number of the chat, which in a private chat is that of the person."""
    linked_at = models.DateTimeField(_("since"))
    blocked_at = models.DateTimeField(_("bot blocked"), null=True, blank=True)
    """When Telegram said that the person has blocked the bot: no letter goes there until they write again."""

    class Meta:
        verbose_name = _("Telegram chat")
        verbose_name_plural = _("Telegram chats")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["chat_id"], name="chat_speaks_for_one")]

    def __str__(self) -> str:
        return str(self.user)


class LinkCode(models.Model):
    """A code by which a user shows the bot who they are: good once, and for some minutes. Only its digest is kept."""

    user = models.OneToOneField(User, models.CASCADE, related_name="+", verbose_name=_("user"))
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    """SHA-256 of the code, hexadecimal: the code is random enough to need no salt."""
    expires_at = models.DateTimeField(_("good until"))

    class Meta:
        verbose_name = _("code to link a chat")
        verbose_name_plural = _("codes to link a chat")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)
