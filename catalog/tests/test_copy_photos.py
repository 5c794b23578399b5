"""Photos of copies: five at most, without metadata, shown to readers only where that was said."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from PIL import Image

from accounts.tests.factories import LibrarianFactory
from catalog.copy_photos import add_photo
from catalog.models import CopyPhoto
from catalog.tests.factories import CopyFactory
from library.core.errors import Busy, Invalid
from library.core.models import AuditEntry

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def librarian(english):
    user = LibrarianFactory(language="en")
    english.force_login(user)
    return user


def upload(size=(1600, 1200)):
    """A JPEG with a place and a camera in its metadata."""
    picture, exif, content = Image.new("RGB", size, "olive"), Image.Exif(), BytesIO()
    exif[0x010F], exif[0x0112] = "Camera of a librarian", 6
    picture.save(content, "JPEG", exif=exif)
    return SimpleUploadedFile("photo.exe", content.getvalue())


def added(copy, **more):
    given = {"picture": Image.new("RGB", (40, 30)), "alt_text": "Autograph", "is_public": True, "by": None, "now": NOW}
    return add_photo(copy_id=copy.pk, **given | more)


def test_a_photo_is_added_upright_and_without_metadata_and_seen_by_readers_when_public(english, librarian, files):
    copy = CopyFactory()
    url = reverse("admin:catalog_copy_photos", args=[copy.pk])
    page = english.post(url, {"photo": upload(), "alt_text": "The author's autograph"}, follow=True).content.decode()
    assert "The photo is added." in page
    photo = copy.photos.get()
    assert (photo.width, photo.height) == (960, 1280)
    large = reverse("copy_photo", args=[photo.uid, 1280])
    content = b"".join(english.get(large).streaming_content)
    with Image.open(BytesIO(content)) as picture:
        assert (picture.format, picture.size, dict(picture.getexif())) == ("WEBP", (960, 1280), {})
    assert b"Camera" not in content
    book_page = reverse("book", args=[copy.book.uid])
    english.logout()
    assert english.get(large).status_code == 404
    assert large not in english.get(book_page).content.decode()
    english.force_login(librarian)
    english.post(url, {"id": photo.pk, "deed": "change", "alt_text": "An autograph", "is_public": "on"})
    english.logout()
    assert english.get(large).status_code == 200
    assert 'alt="An autograph"' in english.get(book_page).content.decode()
    english.force_login(librarian)
    english.post(url, {"id": photo.pk, "deed": "delete"})
    assert not CopyPhoto.objects.exists()
    actions = AuditEntry.objects.filter(subject_id=copy.pk).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["catalog.add_photo", "catalog.change_photo", "catalog.delete_photo"]


def test_photos_have_an_order(english, librarian):
    copy = CopyFactory()
    photos = [added(copy, alt_text=text) for text in ("first", "second", "third")]
    english.post(reverse("admin:catalog_copy_photos", args=[copy.pk]), {"id": photos[2].pk, "deed": "first"})
    assert [photo.alt_text for photo in copy.photos.all()] == ["third", "first", "second"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"photo": SimpleUploadedFile("a.jpg", b"%PDF-1.4"), "alt_text": "x"}, "This is not a picture"),
        ({"alt_text": "x"}, "This field is required."),
    ],
)
def test_what_is_no_photo_is_refused(english, librarian, sent, words):
    copy = CopyFactory()
    assert words in english.post(reverse("admin:catalog_copy_photos", args=[copy.pk]), sent).content.decode()
    assert not copy.photos.exists()


@pytest.mark.django_db(transaction=True)
def test_a_sixth_photo_is_refused_however_many_come_at_once():
    copy = CopyFactory()
    for _ in range(3):
        added(copy)

    def one_more(_number):
        try:
            return bool(added(copy))
        except (Invalid, Busy):
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(one_more, range(4)))
    assert copy.photos.count() == 3 + sum(outcomes) <= 5
