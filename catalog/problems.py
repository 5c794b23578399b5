"""What can be said of a record or row that is imported: stable codes with data; sentences in `import_wording`."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Problem(StrEnum):
    """Why a record is refused, or what the librarian should know about one that is not."""

    # The record is refused.
    NOT_MARC = "not_marc"
    CUT_OFF = "cut_off"
    TOO_LARGE = "too_large"
    BAD_DIRECTORY = "bad_directory"
    BAD_XML = "bad_xml"
    NO_FIELDS = "no_fields"
    UNKNOWN_FORMAT = "unknown_format"
    NOT_BIBLIOGRAPHIC = "not_bibliographic"
    NO_TITLE = "no_title"
    DATABASE_REFUSED = "database_refused"
    UNKNOWN_BOOK = "unknown_book"

    # The record goes in.
    DIRECTORY_REPAIRED = "directory_repaired"
    SUBFIELD_CODE_REPAIRED = "subfield_code_repaired"
    UNREADABLE_BYTES = "unreadable_bytes"
    ODD_CHARACTERS = "odd_characters"
    TEXT_REPAIRED = "text_repaired"
    TITLE_DEVISED = "title_devised"
    TEXT_CUT = "text_cut"
    BAD_ISBN = "bad_isbn"
    BAD_YEAR = "bad_year"
    BAD_PRICE = "bad_price"
    BAD_DATE = "bad_date"
    SAME_RECORD_IN_FILE = "same_record_in_file"
    MERGED_INTO = "merged_into"
    SHARED_CONTROL_NUMBER = "shared_control_number"
    EDITS_KEPT = "edits_kept"
    BARCODE_TAKEN = "barcode_taken"
    INVENTORY_NUMBER_TAKEN = "inventory_number_taken"
    UNKNOWN_BRANCH = "unknown_branch"
    BRANCH_REPLACED = "branch_replaced"
    NO_BRANCH = "no_branch"
    NO_ITEM_TYPE = "no_item_type"


class Remark(NamedTuple):
    """One problem with the data of its sentence."""

    problem: Problem
    data: Mapping[str, Any] = {}


def each_once(remarks: Iterable[Remark]) -> list[Remark]:
    """The remarks without repetitions, in order."""
    kept: list[Remark] = []
    for remark in remarks:
        if remark not in kept:
            kept.append(remark)
    return kept
