"""Remarks of an import as sentences."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from catalog.problems import Problem, Remark

_SENTENCES = {
    Problem.NOT_MARC: gettext_lazy("This is not a MARC record: it has no leader and directory."),
    Problem.CUT_OFF: gettext_lazy("The file ends in the middle of this record."),
    Problem.TOO_LARGE: gettext_lazy("The record is too large to be one."),
    Problem.BAD_DIRECTORY: gettext_lazy(
        "The directory lists %(entries)s fields, the record has %(fields)s: nobody can tell which is which."
    ),
    Problem.BAD_XML: gettext_lazy("The XML of this record is broken: %(detail)s."),
    Problem.NO_FIELDS: gettext_lazy("The record is empty."),
    Problem.UNKNOWN_FORMAT: gettext_lazy(
        "The record has a title neither in 245 (MARC21) nor in 200 (UNIMARC). If it is one of these, name the format."
    ),
    Problem.NOT_BIBLIOGRAPHIC: gettext_lazy("The record describes no book: it is an authority or holdings record."),
    Problem.NO_TITLE: gettext_lazy("There is no title."),
    Problem.DATABASE_REFUSED: gettext_lazy("The database refused the record: %(detail)s"),
    Problem.UNKNOWN_BOOK: gettext_lazy("No book has the id “%(id)s”."),
    Problem.DIRECTORY_REPAIRED: gettext_lazy("The directory is damaged; fields were told apart by their ends."),
    Problem.SUBFIELD_CODE_REPAIRED: gettext_lazy("Field %(field)s has a damaged subfield code; please look at it."),
    Problem.ODD_CHARACTERS: gettext_lazy("Invisible control characters were left out."),
    Problem.TEXT_REPAIRED: gettext_lazy("Text that was stored in the wrong encoding was repaired."),
    Problem.TITLE_DEVISED: gettext_lazy("The record has no title; the book is called “%(title)s” for now."),
    Problem.TEXT_CUT: gettext_lazy("The text of “%(field)s” is too long and was cut."),
    Problem.BAD_ISBN: gettext_lazy("“%(value)s” is no valid ISBN and was left out."),
    Problem.BAD_YEAR: gettext_lazy("“%(value)s” is no year."),
    Problem.BAD_PRICE: gettext_lazy("“%(value)s” is no price and was left out."),
    Problem.BAD_DATE: gettext_lazy("“%(value)s” is no date and was left out. Write it like 31.12.2026."),
    Problem.SAME_RECORD_IN_FILE: gettext_lazy("This file describes the same book in record %(record)s already."),
    Problem.MERGED_INTO: gettext_lazy(
        "The book of this record was merged into “%(title)s”, which stays as it is. Undo the merge to let it change."
    ),
    Problem.SHARED_CONTROL_NUMBER: gettext_lazy(
        "Another record has the control number %(key)s but describes another book; this one was entered on its own."
    ),
    Problem.EDITS_KEPT: gettext_lazy("Edited in the library and therefore left as it is: %(fields)s."),
    Problem.BARCODE_TAKEN: gettext_lazy("A copy of another book has the barcode %(number)s; this copy was not made."),
    Problem.INVENTORY_NUMBER_TAKEN: gettext_lazy(
        "A copy of another book has the inventory number %(number)s; this copy was not made."
    ),
    Problem.UNKNOWN_BRANCH: gettext_lazy(
        "Nobody knows the branch “%(branch)s”; this copy was not made. Choose a branch for it and import again."
    ),
    Problem.BRANCH_REPLACED: gettext_lazy(
        "Nobody knows the branch “%(branch)s”; its copies stand in the branch that was chosen for such copies."
    ),
    Problem.NO_BRANCH: gettext_lazy(
        "The record does not say in which branch the copy stands; it was not made. Choose a branch and import again."
    ),
    Problem.NO_ITEM_TYPE: gettext_lazy("There is no item type yet; the copy was not made. Set up the library first."),
}


def sentence(remark: Remark) -> str:
    """The remark in the reader's language."""
    data: Mapping[str, Any] = remark.data
    if remark.problem == Problem.UNREADABLE_BYTES:
        return ngettext(
            "One character could not be read. Is the encoding right?",
            "%(count)s characters could not be read. Is the encoding right?",
            data["count"],
        ) % {"count": data["count"]}
    if remark.problem == Problem.EDITS_KEPT:
        return str(_SENTENCES[remark.problem]) % {"fields": ", ".join(data["fields"])}
    return str(_SENTENCES[remark.problem]) % data


def summary(counts: Mapping[str, int]) -> str:
    """What came of an import, in one line."""
    return _(
        "Read: %(read)s. Created: %(created)s. Updated: %(updated)s. Unchanged: %(unchanged)s. "
        "Rejected: %(rejected)s. Copies created: %(copies_created)s."
    ) % dict(counts)
