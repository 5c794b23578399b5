"""Everything that readers have or wait for, locked in the order of the house: books, copies, users, readers."""

from collections.abc import Collection

from django.db.models import Q

from accounts.models import Reader, User
from catalog.models import Book, Copy
from circulation.models import Loan
from library.core.errors import Busy
from reservations.models import Reservation


def lock_readers(reader_ids: Collection[int], *, doubles: Collection[int] = ()) -> dict[int, Reader]:
    """Lock the books and copies that these readers have or wait for, their users, then the readers themselves.

    `doubles` are reservations whose books are locked as well. Raises Busy when one of the readers borrowed or reserved
    something else just now.
    """
    waited = Reservation.objects.active().filter(reader__in=reader_ids)
    doubled = Reservation.objects.filter(pk__in=doubles)
    lent = Loan.objects.open().filter(reader__in=reader_ids)
    wanted = Q(pk__in=waited.values("book")) | Q(pk__in=doubled.values("book")) | Q(copies__in=lent.values("copy"))
    found_books = Book.objects.filter(pk__in=Book.objects.filter(wanted).values("pk"))
    books = set(found_books.locked().values_list("pk", flat=True))
    held = Q(pk__in=waited.values("copy")) | Q(pk__in=lent.values("copy"))
    copies = set(Copy.objects.filter(held).locked().values_list("pk", flat=True))
    users = User.objects.filter(reader__in=reader_ids).order_by("pk")
    list(users.select_for_update(of=("self",), no_key=True).values_list("pk"))
    readers = Reader.objects.filter(pk__in=reader_ids).select_related("category", "home_branch", "user").locked()
    found = {reader.pk: reader for reader in readers}
    if (
        waited.exclude(book__in=books).exists()
        or lent.exclude(copy__in=copies).exists()
        or waited.filter(copy__isnull=False).exclude(copy__in=copies).exists()
    ):
        raise Busy
    return found
