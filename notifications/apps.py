"""Notifications as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """The outbox of letters to readers, and how they leave."""

    name = "notifications"
    verbose_name = _("Notices")
