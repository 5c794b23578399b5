"""Covers that librarians upload: checked by content, without metadata, kept as WebP in two sizes."""

import hashlib
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from catalog.models import Book

WIDTHS = (240, 640)
"""Pixels: for lists and for the book's page, each good for twice its size on the screen."""
LARGEST_FILE = 10 * 1024 * 1024
"""Bytes of an upload."""
MOST_PIXELS = 50_000_000
"""Pixels of an upload: what unpacks to more is a trap or a poster."""
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 82


def read_cover(upload: UploadedFile) -> Image.Image:
    """The upload as a picture, upright, in plain RGB and without metadata. Raises ValidationError with what to do."""
    if upload.size is None or upload.size > LARGEST_FILE:
        raise ValidationError(_("This file is too large. Choose one of 10 MB at most."), code="too_large")
    try:
        with Image.open(upload, formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValidationError(_("This picture has too many pixels. Make it smaller first."), code="too_large")
            upright = ImageOps.exif_transpose(picture)
            flat = Image.new("RGB", upright.size, "white")
            with_alpha = upright.convert("RGBA")
            flat.paste(with_alpha, mask=with_alpha)
            return flat
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as problem:
        message = _("This is not a picture that can be read. Choose a JPEG, PNG or WebP file.")
        raise ValidationError(message, code="not_a_picture") from problem


def put_cover(book: Book, picture: Image.Image) -> None:
    """Give the book this cover in all sizes; the files of the former one go when the change is committed."""
    files = {width: _as_webp(picture, width) for width in WIDTHS}
    digest = hashlib.sha256(files[max(WIDTHS)]).hexdigest()[:12]
    former = book.cover.name if book.cover else ""
    for width, content in files.items():
        name = image_name(book, width, digest)
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(content))
    book.cover.name = image_name(book, max(WIDTHS), digest)
    book.save(update_fields=["cover", "updated_at"])
    if former and former != book.cover.name:
        _forget(former)


def drop_cover(book: Book) -> None:
    """Take the uploaded cover away; the drawn one shows again."""
    former = book.cover.name if book.cover else ""
    book.cover.name = ""
    book.save(update_fields=["cover", "updated_at"])
    if former:
        _forget(former)


def image_name(book: Book, width: int, digest: str) -> str:
    """Where a size of a cover is stored: covers/<uid>-640-<digest>.webp."""
    return f"covers/{book.uid}-{width}-{digest}.webp"


def sized(name: str, width: int) -> str:
    """The stored name of another size of the cover stored as `name`."""
    return name.replace(f"-{max(WIDTHS)}-", f"-{width}-")


def cover_digest(book: Book) -> str:
    """What changes with the content of an uploaded cover: its version in addresses."""
    return str(book.cover.name).rsplit("-", 1)[-1].removesuffix(".webp")


def _as_webp(picture: Image.Image, width: int) -> bytes:
    small = picture.copy()
    small.thumbnail((width, width * 2), Image.Resampling.LANCZOS)
    content = BytesIO()
    small.save(content, "WEBP", quality=QUALITY, method=4)
    return content.getvalue()


def _forget(name: str) -> None:
    def delete() -> None:
        for width in WIDTHS:
            default_storage.delete(sized(name, width))

    transaction.on_commit(delete)
