"""Printed letters as a Django app."""

from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from library.core.panel import Figure


class PostConfig(AppConfig):
    """Letters on paper: gathered, printed in one file, posted."""

    name = "post"
    verbose_name = _("Printed letters")

    def panel_figures(self, *, user: Any, now: datetime) -> list[Figure]:
        """What waits to be printed, for those who may print; nothing where the library prints none."""
        from post.channel import PrintChannel
        from post.queries import to_print

        if not PrintChannel.is_on() or not user.has_perm("post.print_letters"):
            return []
        return [Figure(gettext("letters to print"), to_print().count(), reverse("post"), "warn")]
