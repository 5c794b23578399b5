"""Photos of readers: put and taken away by staff, one for each reader, audited."""

from datetime import datetime

from accounts.models import Reader, ReaderPhoto, User
from library.core import audit
from library.core.transactions import one_commit


def put_photo(*, reader_id: int, image: bytes, by: User, now: datetime) -> ReaderPhoto:
    """Give a reader this picture, WebP, instead of the former one."""
    with one_commit():
        reader = Reader.objects.locked().get(pk=reader_id)
        photo, _made = ReaderPhoto.objects.update_or_create(
            reader=reader, defaults={"image": image, "taken_at": now, "taken_by": by}
        )
        audit.record(action="accounts.put_photo", subject=reader, by=by, now=now, detail={"bytes": len(image)})
        return photo


def drop_photo(*, reader_id: int, by: User, now: datetime) -> bool:
    """Forget the picture; whether there was one."""
    with one_commit():
        reader = Reader.objects.locked().get(pk=reader_id)
        dropped, _by_model = ReaderPhoto.objects.filter(reader=reader).delete()
        if dropped:
            audit.record(action="accounts.drop_photo", subject=reader, by=by, now=now)
        return bool(dropped)
