"""Drawn covers, and covers that librarians upload."""

from io import BytesIO
from uuid import UUID
from xml.etree import ElementTree

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from catalog.cover_images import drop_cover, put_cover, read_cover
from catalog.covers import LAYOUTS, MOTIFS, PALETTES, Box, cover_svg, cover_version
from catalog.lettering import face, fit
from catalog.tests.factories import BookFactory

TOLSTOY = ["Толстой, Лев Николаевич"]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, by WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.ground)
def test_text_on_every_cloth_has_enough_contrast(palette):
    light, dark = sorted((luminance(palette.ground), luminance(palette.ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_a_book_always_has_the_same_cover_and_its_neighbour_another():
    first, second = UUID(int=1), UUID(int=2)
    assert cover_svg(uid=first, title="Мы", authors=TOLSTOY) == cover_svg(uid=first, title="Мы", authors=TOLSTOY)
    assert cover_svg(uid=first, title="Мы", authors=TOLSTOY) != cover_svg(uid=second, title="Мы", authors=TOLSTOY)
    assert cover_version("Мы", TOLSTOY) != cover_version("Мы", [])


@pytest.mark.parametrize(
    "title",
    [
        "Я",
        "Война и мир",
        "Превысокомногорассмотрительствующий" * 3,
        "слово " * 400,
        "שלום",
        "红楼梦",
        "\x00\x08<&>\"'",
        "—",
    ],
)
@pytest.mark.parametrize("names", [[], TOLSTOY, ["A" * 300, "Б, В", "third"]])
def test_every_cover_is_a_sound_picture(title, names):
    for number in range(25):
        svg = cover_svg(uid=UUID(int=number * 7919), title=title, authors=names)
        root = ElementTree.fromstring(svg)  # noqa: S314 - our own drawing
        assert root.get("viewBox") == "0 0 400 600"
        assert not {element.tag.rsplit("}")[-1] for element in root.iter()} - {
            *("svg", "rect", "path", "circle", "defs", "g", "use", "text")
        }
        assert len(svg) < 120_000


def test_every_layout_palette_and_motif_is_met():
    assert (len(LAYOUTS), len(PALETTES), len(MOTIFS)) == (5, 14, 8)
    grounds = set()
    for number in range(400):
        svg = cover_svg(uid=UUID(int=number), title="Мы", authors=[])
        grounds.add(svg.split('fill="')[1][:7])
    assert grounds == {palette.ground for palette in PALETTES}


def test_titles_stay_inside_their_box():
    letters = face("title")
    box = Box(0, 0, 240, 180)
    for title in ("Мы", "Как создаются читающие нации: опыт, идеи, образцы", "Ж" * 200, "очень " * 60):
        set_in = fit(title, letters, width=box.width, height=box.height, sizes=range(60, 20, -2), leading=1.14)
        assert all(letters.width(line, set_in.size) <= box.width for line in set_in.lines)
        assert len(set_in.lines) * set_in.size * 1.14 <= box.height
    assert fit("Мы", letters, width=240, height=180, sizes=range(60, 20, -2), leading=1.14).size == 60
    assert fit("очень " * 60, letters, width=240, height=180, sizes=(30, 20), leading=1.14).lines[-1].endswith("…")


@pytest.mark.django_db
def test_a_drawn_cover_is_kept_by_browsers_and_runs_nothing(client):
    book = BookFactory(title="Мы", authors=TOLSTOY)
    response = client.get(reverse("cover", args=[book.uid]))
    assert response["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert response["Content-Security-Policy"] == "default-src 'none'"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "public, max-age=3600"
    assert "Cookie" not in response.get("Vary", "")
    again = client.get(reverse("cover", args=[book.uid]), headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304
    book.title = "Они"
    book.save()
    changed = client.get(reverse("cover", args=[book.uid]), headers={"If-None-Match": response["ETag"]})
    assert changed.status_code == 200


# --- Uploaded ----------------------------------------------------------------------------------------------------


def picture(size=(1200, 1800), kind="JPEG", mode="RGB", **options) -> SimpleUploadedFile:
    """An upload of one colour."""
    content = BytesIO()
    Image.new(mode, size, "red").save(content, kind, **options)
    return SimpleUploadedFile("cover.any", content.getvalue())


@pytest.mark.django_db
def test_an_uploaded_cover_is_kept_in_two_sizes_without_metadata(client):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera of Ivan"
    book = BookFactory()
    put_cover(book, read_cover(picture(size=(1800, 1200), exif=exif)))
    book.refresh_from_db()
    for width, height in ((240, 360), (640, 960)):
        response = client.get(reverse("cover_image", args=[book.uid, width]))
        assert response["Content-Type"] == "image/webp"
        assert response["Content-Security-Policy"] == "default-src 'none'"
        content = b"".join(response.streaming_content)
        stored = Image.open(BytesIO(content))
        assert (stored.format, stored.size) == ("WEBP", (width, height))
        assert not stored.getexif()
        assert b"Ivan" not in content
    assert client.get(reverse("cover_image", args=[book.uid, 100])).status_code == 404


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGB")]
)
def test_usual_kinds_of_pictures_are_read(kind, mode):
    assert read_cover(picture(kind=kind, mode="RGB" if mode == "CMYK" else mode)).mode == "RGB"


@pytest.mark.parametrize(
    "upload",
    [
        SimpleUploadedFile("cover.jpg", b"<svg onload='alert(1)'/>"),
        SimpleUploadedFile("cover.png", b""),
        SimpleUploadedFile("cover.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
        picture(kind="GIF"),
        picture(kind="BMP"),
        SimpleUploadedFile("cover.jpg", picture().read()[:2000]),
        picture(size=(9000, 6000), mode="L", kind="PNG"),
        SimpleUploadedFile("cover.jpg", b"x" * (10 * 1024 * 1024 + 1)),
    ],
)
def test_anything_else_is_refused(upload):
    with pytest.raises(ValidationError):
        read_cover(upload)


@pytest.mark.django_db
def test_the_former_cover_goes_when_the_new_one_is_committed(django_capture_on_commit_callbacks):
    book = BookFactory()
    put_cover(book, read_cover(picture()))
    former = book.cover.name
    with django_capture_on_commit_callbacks(execute=True):
        put_cover(book, read_cover(picture(size=(300, 300))))
    assert not default_storage.exists(former)
    assert default_storage.exists(book.cover.name)
    last = book.cover.name
    with django_capture_on_commit_callbacks(execute=True):
        drop_cover(book)
    assert not default_storage.exists(last)
    book.refresh_from_db()
    assert not book.cover


@pytest.mark.django_db
def test_lists_show_the_uploaded_cover_in_both_sizes(client):
    book = BookFactory()
    put_cover(book, read_cover(picture()))
    page = client.get("/").content.decode()
    assert f"/covers/{book.uid}-240.webp?v=" in page
    assert "640w" in page
    assert f"/covers/{book.uid}.svg" not in page
