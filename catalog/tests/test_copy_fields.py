"""Copies stand in the fields that the librarians say."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.tests.factories import LibrarianFactory
from catalog import copy_fields
from catalog.bookdata import CopyData
from catalog.marc import items
from catalog.marc.items import SHIPPED, CopyFields
from catalog.models import Copy, CopyFieldMapping
from catalog.tests.marc_for_tests import field, record

IRBIS = next(kind for kind in SHIPPED["rusmarc"] if kind.tag == "910")


def test_a_copy_of_irbis_is_read_whole():
    line = "910 ##$a6$b1234$c20071030$dЧЗ$eр. 165.00$hE0040$jместное"
    assert items.of_field(field(line), IRBIS, currency="RUB") == [
        CopyData(
            barcode="E0040",
            inventory_number="1234",
            branch="ЧЗ",
            status=Copy.Status.WITHDRAWN,
            price=Decimal("165.00"),
            acquired_on=date(2007, 10, 30),
        )
    ]


def test_a_changed_copy_keeps_how_its_field_is_written():
    old = field("910 ##$a6$b1234$c30.10.2007$eр. 165.00$jместное")
    [before] = items.of_field(old, IRBIS)
    now = CopyData(
        inventory_number="1234", price=Decimal("200.00"), acquired_on=date(2008, 1, 2), note="lost on the way"
    )
    assert items.written(old, IRBIS, before, now) == field("910 ##$b1234$c02.01.2008$eр. 200.00$jместное")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20071030", date(2007, 10, 30)),
        ("2007-10-30", date(2007, 10, 30)),
        ("30.10.2007", date(2007, 10, 30)),
        ("20071330", None),
        ("autumn", None),
    ],
)
def test_days(text, expected):
    assert items.day(text) == expected


def test_patterns_join_and_choose():
    kind = CopyFields(name="x", tag="852", barcode="p", shelf_mark="hi", branch="a/b", note="z")
    [copy] = items.of_field(field("852 ##$bB$h84$iП 91$p7$zone$ztwo"), kind)
    assert (copy.shelf_mark, copy.branch, copy.note) == ("84 П 91", "B", "one")


@pytest.mark.django_db
def test_the_library_comes_with_mappings_and_uses_its_own():
    assert copy_fields.known() == SHIPPED
    koha = CopyFieldMapping.objects.get(format="marc21", tag="952")
    assert copy_fields.known(str(koha.pk)) == {"marc21": (SHIPPED["marc21"][0],)}
    CopyFieldMapping.objects.filter(format="marc21").delete()
    CopyFieldMapping.objects.create(name="Ours", format="marc21", tag="990", barcode="x", shelf_mark="m")
    [kind] = copy_fields.known()["marc21"]
    assert [copy.barcode for copy in items.copies(record("990 ##$x77$m84"), [kind])] == ["77"]


@pytest.mark.django_db
def test_librarians_change_a_mapping_on_the_panel(english):
    english.force_login(LibrarianFactory())
    koha = CopyFieldMapping.objects.get(format="marc21", tag="952")
    address = f"/admin/catalog/copyfieldmapping/{koha.pk}/change/"
    form = {
        name: getattr(koha, name) for name in (*copy_fields.PATTERNS, "name", "format", "tag", "position", "statuses")
    }
    assert "says no status" in english.post(address, {**form, "statuses": "lost"}).text
    assert "Write codes of subfields" in english.post(address, {**form, "note": "$z"}).text
    assert english.post(address, {**form, "note": "x"}).status_code == 302
    assert copy_fields.known()["marc21"][0].note == "x"
