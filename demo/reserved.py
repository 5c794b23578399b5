"""Reservations of the demo library: some in every state, made by the same actions as at the desk."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q

from accounts.models import Reader, User
from catalog.models import Book, Copy
from circulation.actions import check_out, preview_check_out
from library.core.errors import Refused
from policies.models import Branch
from policies.queries import calendar_of
from reservations.actions import cancel, capture, expire_uncollected, pick, reserve, suspend
from reservations.models import Reservation

QUEUE = 5
"""Readers who wait for the book that is out most."""
SAID = {"ru": "Читатель позвонил: книга больше не нужна", "en": "The reader telephoned: the book is no longer needed"}


class PastReservations:
    """The weeks before `today`, in which readers reserve and librarians fill."""

    def __init__(
        self, *, readers: Sequence[Reader], librarian: User, main: Branch, far: Branch, today: date, language: str
    ) -> None:
        self._mine = next(reader for reader in readers if reader.user_id)
        self._others = [reader for reader in readers if reader != self._mine]
        self._librarian = librarian
        self._main, self._far = main, far
        self._today = today
        self._why = SAID[language]
        self._open = calendar_of(main)
        self._here, self._there = self._on_shelf(main), self._on_shelf(far)

    def happen(self) -> None:
        """Reserve, pick, send, collect, cancel, wait and expire, the oldest first."""
        self._ready_since(24)
        for days in range(12, 1, -1):
            expire_uncollected(now=self._at(days))
        called_off = self._reserve(6)
        cancel(reservation_id=called_off.pk, by=self._librarian, now=self._at(5), why=self._why)
        self._collected()
        self._ready_since(2, self._mine)
        self._ready_since(2)
        copy = next(self._there)
        self._reserve(2, copy=copy)
        capture(copy_id=copy.pk, branch_id=self._far.pk, by=self._librarian, now=self._at(1))
        self._queue()

    def _queue(self) -> None:
        """Many wait for one book, the reader who signs in second; one of them is away for two weeks."""
        out = Count("copies", filter=Q(copies__status=Copy.Status.LOANED))
        there = Count("copies", filter=Q(copies__status=Copy.Status.AVAILABLE))
        book = Book.objects.annotate(out=out, there=there).filter(out__gt=0).order_by("there", "-out", "pk")[0]
        placed: list[Reservation] = []
        for reader in (self._others[0], self._mine, *self._others[1:]):
            try:
                placed.append(self._reserved(reader, book.pk, self._at(1) + timedelta(minutes=len(placed))))
            except Refused:
                continue
            if len(placed) == QUEUE:
                break
        away = placed[-1]
        suspend(reservation_id=away.pk, until=self._today + timedelta(days=14), by=self._librarian, now=self._at(1))

    def _collected(self) -> None:
        """Reserved, set aside and lent on the last open days."""
        copy = next(self._here)
        about: dict[str, Any] = {"copy_id": copy.pk, "branch_id": self._main.pk, "now": self._at(2)}
        may = (one for one in self._others if not preview_check_out(reader_id=one.pk, **about).refusals)
        reader = next(may)
        self._ready_since(4, reader, copy=copy)
        check_out(reader_id=reader.pk, by=self._librarian, **about)

    def _ready_since(self, days: int, reader: Reader | None = None, *, copy: Copy | None = None) -> None:
        """Reserved so many days ago and picked the next open day."""
        copy = copy or next(self._here)
        self._reserve(days, copy=copy, reader=reader)
        pick(copy_id=copy.pk, branch_id=self._main.pk, by=self._librarian, now=self._at(days - 1))

    def _reserve(self, days: int, *, copy: Copy | None = None, reader: Reader | None = None) -> Reservation:
        """A reader, else the first of the others who may and has not, reserves a book that stands on a shelf."""
        copy = copy or next(self._here)
        taken = set(Reservation.objects.values_list("reader_id", flat=True))
        for one in [reader] if reader else sorted(self._others, key=lambda one: (one.pk in taken, one.pk)):
            try:
                return self._reserved(one, copy.book_id, self._at(days))
            except Refused:
                continue
        raise AssertionError("somebody may reserve")

    def _reserved(self, reader: Reader, book_id: int, now: datetime) -> Reservation:
        return reserve(
            book_id=book_id, reader_id=reader.pk, pickup_branch_id=self._main.pk, by=self._librarian, now=now
        ).reservation

    def _at(self, days: int) -> datetime:
        """Noon of the last open day that is so many days ago, or more."""
        day = self._open.previous_open(self._today - timedelta(days=days))
        return datetime.combine(day, time(12), self._open.zone)

    def _on_shelf(self, branch: Branch) -> Iterator[Copy]:
        """Copies on the shelf, each of another book, of which no copy elsewhere is free."""
        elsewhere = Book.objects.filter(copies__status=Copy.Status.AVAILABLE).exclude(copies__branch=branch)
        copies = Copy.objects.filter(
            branch=branch, status=Copy.Status.AVAILABLE, is_reference_only=False, item_type__code="book"
        ).exclude(book__in=elsewhere.values("pk"))
        seen: set[int] = set()
        for copy in copies.order_by("price", "pk")[:200]:
            if copy.book_id not in seen:
                seen.add(copy.book_id)
                yield copy
