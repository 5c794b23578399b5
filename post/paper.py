"""The letters of a batch as a PDF."""

import re

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from library.core.dates import day
from notifications.models import Letter
from notifications.rendering import Unrenderable, render
from post.models import Batch
from printing.letter import PaperLetter, Window, letters_pdf


def as_pdf(batch: Batch) -> bytes:
    """Every letter on its own sheet, in the order of the batch; the same at every printing."""
    letters = Letter.objects.filter(batch_line__batch=batch).select_related("reader__home_branch")
    pages = [page for letter in letters.order_by("batch_line__place") if (page := _paper(letter, batch))]
    return letters_pdf(
        pages,
        window=Window(settings.PRINT_WINDOW),
        title=_("Letters of %(day)s") % {"day": day(batch.made_at.date())},
        page_of=lambda number, count: _("page %(number)d of %(count)d") % {"number": number, "count": count},
    )


def _paper(letter: Letter, batch: Batch) -> PaperLetter | None:
    """None: what it told of is forgotten by now."""
    branch = letter.reader.home_branch
    try:
        rendered = render(letter)
    except Unrenderable:
        return None
    with translation.override(letter.language):
        made_on = batch.made_at.astimezone(branch.zone).date()
        return PaperLetter(
            library=settings.LIBRARY_NAME,
            branch=branch.name,
            contact=", ".join(part for part in (branch.address, branch.phone) if part),
            name=letter.reader.full_name,
            address=letter.address,
            day=day(made_on),
            subject=rendered.subject,
            text=_on_paper(rendered.text),
            number=f"{letter.reader.card_number} · {str(letter.uid)[:8]}",
        )


def _on_paper(text: str) -> str:
    """The words of a mail without what only mail programs want: the line before the signature, stars for dots."""
    return re.sub(r"^\* ", "• ", re.sub(r"^-- ?$", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
