"""For staff: a photo of a barcode, or the code typed, shows the copy."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.copy_numbers import copy_by_scan
from catalog.models import Copy
from circulation.queries import loans_visible_to
from library.core.dates import moment
from reservations.queries import reservations_visible_to, waiting_for
from telegram.barcodes import codes_in
from telegram.client import BotApi
from telegram.people import Person
from telegram.replies import Reply, bold, on_site, plain


def by_photo(person: Person, file_id: str, bot: BotApi) -> Reply:
    """The copy whose barcode is on a photo. Raises TelegramError where the photo cannot be fetched."""
    codes = codes_in(bot.photo(file_id))
    if not codes:
        return Reply(_("I see no barcode on this photo. Hold the camera straight and nearer, with good light."))
    for code in codes:
        if reply := by_code(person, code):
            return reply
    return Reply(plain(_("There is no copy with the barcode %(code)s.") % {"code": codes[0]}))


def by_code(person: Person, code: str) -> Reply | None:
    """The copy with this barcode or inventory number; None: there is none."""
    copy = copy_by_scan(code)
    if copy is None:
        return None
    lines = [
        bold(copy.book),
        plain(_("No. %(number)s, barcode %(barcode)s") % {"number": copy.inventory_number, "barcode": copy.barcode}),
        plain(", ".join(part for part in (copy.branch.name, copy.shelf_mark) if part)),
        f"<b>{plain(copy.get_status_display())}</b>"
        + (f" ({plain(_('for use in the library only'))})" if copy.is_reference_only else ""),
        *_whereabouts(person, copy),
    ]
    if waiting := waiting_for(copy.book):
        text = ngettext("%(count)d reader is waiting for it.", "%(count)d readers are waiting for it.", waiting)
        lines.append(text % {"count": waiting})
    page = on_site(reverse("admin:catalog_copy_change", args=[copy.pk]), words=_("Open on the panel"))
    return Reply("\n".join(lines), page)


def _whereabouts(person: Person, copy: Copy) -> list[str]:
    """Who has it, or for whom it is kept; names only for those who may see readers."""
    assert person.user is not None
    may_see = person.user.has_perm("accounts.view_reader")
    lines = []
    if person.user.has_perm("circulation.view_loan"):
        loans = loans_visible_to(person.user).filter(copy=copy, returned_at=None)
        if loan := loans.in_full().first():
            until = {"due": moment(loan.due_local)}
            if may_see:
                lines.append(_("With %(reader)s until %(due)s") % {"reader": loan.reader, **until})
            else:
                lines.append(_("On loan until %(due)s") % until)
    if may_see and person.user.has_perm("reservations.view_reservation"):
        kept = reservations_visible_to(person.user).filter(copy=copy, ended_at=None).select_related("reader").first()
        if kept:
            lines.append(_("Kept for %(reader)s") % {"reader": kept.reader})
    return list(map(plain, lines))
