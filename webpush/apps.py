"""Web push as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebpushConfig(AppConfig):
    """Letters as messages of a reader's browsers."""

    name = "webpush"
    verbose_name = _("Messages in the browser")
