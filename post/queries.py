"""What waits to be printed."""

from django.db.models import QuerySet

from notifications.models import Letter


def to_print() -> QuerySet[Letter]:
    """Letters on paper that are in no batch, by branch and name of their readers."""
    waiting = Letter.objects.filter(channel=Letter.Channel.PRINT, status=Letter.Status.WAITING, batch_line=None)
    return waiting.select_related("reader__home_branch").order_by(
        "reader__home_branch__name", "reader__folded_name", "pk"
    )
