"""Scans that the browser sends late, twice, or for a colleague; and the photo at the desk."""

import json
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts.models import ReaderPhoto
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core import idempotency
from library.core.models import AuditEntry, IdempotencyKey

HOUR = 3600


@pytest.fixture
def scan(client, anna, centre):
    """A function: send a scan to the desk as its script does; the outcome it is told."""
    client.force_login(anna)
    client.cookies["django_language"] = "en"

    def send(code, *, to="desk_scan", **said):
        data = {"code": code, "key": uuid4(), **said}
        answer = client.post(reverse(to), data, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        return json.loads(answer.headers.get("Desk-Outcome", "null"))

    return send


def test_a_scan_sent_twice_counts_once(scan, client, vera, copy):
    key = uuid4()
    first = scan(copy.barcode, reader=vera.uid, key=key)
    loan = Loan.objects.get()
    Loan.objects.update(returned_at=timezone.now(), return_branch=copy.branch)
    assert scan(copy.barcode, reader=vera.uid, key=key) == first
    assert Loan.objects.get() == loan
    assert first == {"settled": True, "busy": False, "reader": str(vera.uid), "title": "Война и мир", "said": ""}
    assert len(client.session["desk_slip"]["lines"]) == 1


def test_a_late_scan_counts_from_when_it_was_made(scan, anna, vera, copy):
    scan(copy.barcode, reader=vera.uid, age=2 * HOUR)
    loan = Loan.objects.get()
    assert timedelta(hours=1, minutes=59) < timezone.now() - loan.checked_out_at < timedelta(hours=2, minutes=1)
    entry = AuditEntry.objects.get(action="desk.late_scan")
    assert (entry.actor, entry.subject_id, entry.detail["code"]) == (anna, loan.pk, copy.barcode)
    scan(copy.barcode, to="desk_return", age=HOUR)
    loan.refresh_from_db()
    assert timedelta(minutes=59) < timezone.now() - loan.returned_at < timedelta(minutes=61)


def test_a_copy_is_not_lent_before_it_came_back(scan, vera, gleb, copy):
    back = timezone.now() - timedelta(minutes=10)
    LoanFactory(copy=copy, reader=gleb, checked_out_at=back - timedelta(days=2), returned_at=back)
    scan(copy.barcode, reader=vera.uid, age=2 * HOUR)
    assert Loan.objects.open().get().checked_out_at == back


@pytest.mark.parametrize("age", [-1, 31 * 24 * HOUR])
def test_what_is_too_old_is_for_a_librarian_to_judge(age, scan, vera, copy):
    assert scan(copy.barcode, reader=vera.uid, age=age) is None
    assert not Loan.objects.exists()


def test_conflicts_are_told_and_the_next_copy_goes_to_nobody(scan, vera, gleb, copy, new_copy):
    taken = new_copy(barcode="4600000002")
    LoanFactory(copy=taken, reader=gleb, checked_out_at=timezone.now() - timedelta(minutes=5))
    outcome = scan(taken.barcode, reader=vera.uid)
    assert (outcome["settled"], outcome["reader"]) == (False, str(vera.uid))
    assert "on loan to another reader" in outcome["said"]
    outcome = scan("no-such", reader=vera.uid)
    assert (outcome["settled"], outcome["reader"]) == (False, "")
    assert scan(copy.barcode, reader="")["settled"] is False
    assert scan(taken.barcode, to="desk_return", age=HOUR)["settled"] is False
    assert Loan.objects.count() == 1
    assert scan(vera.card_number)["reader"] == str(vera.uid)


def test_a_colleague_sends_what_another_scanned(scan, boris, vera, copy):
    scan(copy.barcode, reader=vera.uid, made_by=boris.uid)
    assert AuditEntry.objects.get(action="desk.late_scan").detail["scanned_by"] == "Борис Директор"


def test_the_desk_remembers_its_scans_for_weeks(scan, vera, copy):
    scan(copy.barcode, reader=vera.uid)
    now = timezone.now()
    assert idempotency.sweep(now=now + timedelta(days=35)) == 0
    assert idempotency.sweep(now=now + timedelta(days=41)) == 1
    assert not IdempotencyKey.objects.exists()


def picture():
    content = BytesIO()
    Image.new("RGB", (900, 600), "teal").save(content, "JPEG")
    return SimpleUploadedFile("me.jpg", content.getvalue(), "image/jpeg")


def test_a_photo_is_kept_shown_to_staff_and_taken_away(client, anna, vera, centre):
    client.force_login(anna)
    change, shown = reverse("desk_change_photo", args=[vera.uid]), reverse("desk_photo", args=[vera.uid])
    assert client.post(change, {"photo": picture()}).url == reverse("desk_reader", args=[vera.uid])
    assert shown in client.get(reverse("desk_reader", args=[vera.uid])).content.decode()
    answer = client.get(shown)
    assert (answer["Content-Type"], Image.open(BytesIO(answer.content)).size) == ("image/webp", (400, 400))
    assert "private" in answer["Cache-Control"]
    client.force_login(vera.user)
    assert client.get(shown).status_code == 403
    client.force_login(anna)
    client.post(change, {"drop": "1"})
    assert not ReaderPhoto.objects.exists()
    assert client.get(shown).status_code == 404
    deeds = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(deeds) == ["accounts.put_photo", "accounts.drop_photo"]


def test_what_is_no_picture_is_refused(client, anna, vera, centre):
    client.force_login(anna)
    for said in ({"photo": SimpleUploadedFile("me.jpg", b"<svg/>")}, {}):
        assert client.post(reverse("desk_change_photo", args=[vera.uid]), said).status_code == 200
    assert not ReaderPhoto.objects.exists()
