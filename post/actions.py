"""Batches of printed letters: made, posted, taken apart."""

from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import User
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit
from notifications.models import Letter
from notifications.rendering import Unrenderable, render
from post.models import Batch, BatchLetter
from post.queries import to_print

MOST = 500
"""Letters of one batch."""


def make_batch(*, by: User, now: datetime, branch_id: int | None = None) -> Batch | None:
    """Gather letters that wait, of readers of one branch or of all; None: there are none.

    A letter that cannot be rendered is given up, for staff to see. Two at once gather different letters. Raises Busy.
    """
    with one_commit():
        waiting = to_print().filter(reader__home_branch=branch_id) if branch_id else to_print()
        good = []
        for letter in waiting.select_for_update(of=("self",), skip_locked=True)[:MOST]:
            try:
                render(letter)
            except Unrenderable as error:
                letter.status, letter.last_error = Letter.Status.DEAD, str(error)[:1000]
                letter.save(update_fields=["status", "last_error"])
            else:
                good.append(letter)
        if not good:
            return None
        batch = Batch.objects.create(made_at=now, made_by=by)
        BatchLetter.objects.bulk_create(
            BatchLetter(batch=batch, letter=letter, place=place) for place, letter in enumerate(good, start=1)
        )
        audit.record(action="post.make_batch", subject=batch, by=by, now=now, detail={"letters": len(good)})
    return batch


def post(*, batch_id: int, by: User, now: datetime) -> int:
    """The letters of a batch are on their way; how many. Twice does no harm. Raises Busy."""
    with one_commit():
        batch = Batch.objects.select_for_update(no_key=True).get(pk=batch_id)
        if batch.posted_at:
            return 0
        letters = Letter.objects.filter(batch_line__batch=batch, status=Letter.Status.WAITING)
        count = letters.update(status=Letter.Status.SENT, sent_at=now, attempts=1, last_error="")
        batch.posted_at, batch.posted_by = now, by
        batch.save(update_fields=["posted_at", "posted_by"])
        audit.record(action="post.post", subject=batch, by=by, now=now, detail={"letters": count})
    return count


def take_apart(*, batch_id: int, by: User, now: datetime) -> None:
    """Let the letters of a batch wait again, for another one. Raises Invalid for one that is posted, Busy."""
    with one_commit():
        batch = Batch.objects.select_for_update(no_key=True).get(pk=batch_id)
        if batch.posted_at:
            raise Invalid({"__all__": [_("This batch is posted already.")]})
        audit.record(action="post.take_apart", subject=batch, by=by, now=now, detail={"letters": batch.lines.count()})
        batch.delete()
