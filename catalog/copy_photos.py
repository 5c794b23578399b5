"""Photos of copies: checked by content, without metadata, kept as WebP in two sizes, five a copy."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _
from PIL import Image

from catalog.cover_images import QUALITY
from catalog.holdings import CopyPhoto
from catalog.models import Book, Copy
from catalog.queries import GONE
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit

MOST_PHOTOS = 5
PHOTO_WIDTHS = (320, 1280)
"""Pixels of the longer side: in lists, and by itself."""


def add_photo(
    *, copy_id: int, picture: Image.Image, alt_text: str, is_public: bool, by: Any, now: datetime
) -> CopyPhoto:
    """Add a photo behind the others; `picture` is as `cover_images.read_cover` gives it.

    Raises Invalid (`photo`) when there are five, Copy.DoesNotExist, Busy.
    """
    files = {width: _as_webp(picture, width) for width in PHOTO_WIDTHS}
    content, size = files[max(PHOTO_WIDTHS)]
    with one_commit():
        copy = Copy.objects.locked().get(pk=copy_id)
        there = copy.photos.aggregate(last=Max("position"))["last"]
        if copy.photos.count() >= MOST_PHOTOS:
            raise Invalid({"photo": [_("A copy has %(most)d photos at most.") % {"most": MOST_PHOTOS}]})
        photo = CopyPhoto(copy=copy, alt_text=alt_text, is_public=is_public, added_at=now, added_by=by)
        digest = hashlib.sha256(content).hexdigest()[:12]
        photo.name = f"copies/{photo.uid}-{max(PHOTO_WIDTHS)}-{digest}.webp"
        photo.width, photo.height = size
        photo.position = 0 if there is None else there + 1
        photo.save()
        for width, (data, _size) in files.items():
            default_storage.save(photo_name(photo, width), ContentFile(data))
        detail = {"photo": str(photo.uid), "is_public": is_public}
        audit.record(action="catalog.add_photo", subject=copy, by=by, now=now, detail=detail)
        return photo


def change_photo(*, photo_id: int, fields: Mapping[str, Any], by: Any, now: datetime) -> CopyPhoto:
    """Correct what a photo shows and whether readers see it. Raises CopyPhoto.DoesNotExist, Busy."""
    with one_commit():
        photo = _locked(photo_id)
        for name, value in fields.items():
            setattr(photo, name, value)
        photo.save(update_fields=list(fields))
        detail = {"photo": str(photo.uid), **fields}
        audit.record(action="catalog.change_photo", subject=photo.copy, by=by, now=now, detail=detail)
        return photo


def put_photo_first(*, photo_id: int, by: Any, now: datetime) -> None:
    """Let a photo come before the others. Raises CopyPhoto.DoesNotExist, Busy."""
    with one_commit():
        photo = _locked(photo_id)
        others = photo.copy.photos.exclude(pk=photo.pk)
        for position, one in enumerate([photo, *others]):
            CopyPhoto.objects.filter(pk=one.pk).update(position=position)
        audit.record(
            action="catalog.order_photos", subject=photo.copy, by=by, now=now, detail={"first": str(photo.uid)}
        )


def delete_photo(*, photo_id: int, by: Any, now: datetime) -> None:
    """Forget a photo; its files go when that is committed. Raises CopyPhoto.DoesNotExist, Busy."""
    with one_commit():
        photo = _locked(photo_id)
        names = [photo_name(photo, width) for width in PHOTO_WIDTHS]
        audit.record(
            action="catalog.delete_photo", subject=photo.copy, by=by, now=now, detail={"photo": str(photo.uid)}
        )
        photo.delete()
        transaction.on_commit(lambda: _delete_files(names))


def photo_name(photo: CopyPhoto, width: int) -> str:
    """Where a size of the photo is stored."""
    return photo.name.replace(f"-{max(PHOTO_WIDTHS)}-", f"-{width}-")


def public_photos(book: Book) -> QuerySet[CopyPhoto]:
    """What readers see of the copies of a book that are still there."""
    photos = CopyPhoto.objects.filter(copy__book=book, is_public=True).exclude(copy__status__in=GONE)
    return photos.order_by("copy__inventory_number", "position", "pk")


def _locked(photo_id: int) -> CopyPhoto:
    """The photo, its copy locked: the row under which photos are counted and ordered."""
    Copy.objects.filter(photos=photo_id).locked().first()
    return CopyPhoto.objects.select_related("copy").get(pk=photo_id)


def _delete_files(names: list[str]) -> None:
    for name in names:
        default_storage.delete(name)


def _as_webp(picture: Image.Image, longest: int) -> tuple[bytes, tuple[int, int]]:
    small = picture.copy()
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    content = BytesIO()
    small.save(content, "WEBP", quality=QUALITY, method=4)
    return content.getvalue(), small.size
