"""What doors and actions ask about reservations: queues, claims on copies, pick lists, expected dates, facts."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import F, FilteredRelation, Min, Prefetch, Q

from accounts.models import Reader, User
from accounts.queries import live_blocks, reader_facts
from accounts.rules import ReaderFacts
from cashdesk.queries import balance_of
from catalog.availability import ON_SHELF
from catalog.models import Book, Contribution, Copy
from catalog.queries import GONE
from library.core.sql import Ready
from policies.calendar import Calendar, NoOpenDay
from policies.models import Branch
from policies.queries import RuleBook, calendars, rule_book
from policies.terms import Terms
from reservations import rules
from reservations.models import Reservation, ReservationQuerySet, Transfer, TransferQuerySet

MOST_PICKED = 200
"""Books of one pick list; the next ones follow when these are ticked off."""

# --- Lists ---------------------------------------------------------------------------------------------------------


def reservations_visible_to(user: User | AnonymousUser) -> ReservationQuerySet:
    """A reader's own; all of them for staff who may view reservations; none for anybody else."""
    if user.has_perm("reservations.view_reservation"):
        return Reservation.objects.all()
    if not user.is_authenticated:
        return Reservation.objects.none()
    return Reservation.objects.filter(reader__user=user)


def active_of(reader: Reader) -> ReservationQuerySet:
    """What a reader has reserved, what can be collected first."""
    return Reservation.objects.active().filter(reader=reader).in_full().order_by("pickup_until", "placed_at", "pk")


def past_of(reader: Reader) -> ReservationQuerySet:
    """Those that are over, the latest first."""
    return Reservation.objects.filter(reader=reader, ended_at__isnull=False).in_full().order_by("-ended_at", "-pk")


def with_authors(reservations: ReservationQuerySet) -> ReservationQuerySet:
    """With the contributions of authors, in order: `reservation.book.contributions.all()`. One query more."""
    authors = Contribution.objects.filter(role=Contribution.Role.AUTHOR).select_related("author")
    return reservations.prefetch_related(Prefetch("book__contributions", authors))


def waiting_for(book: Book) -> int:
    """How many readers wait for a book."""
    return Reservation.objects.filter(book=book, state=Reservation.State.WAITING).count()


def ready_for(reader: Reader) -> list[Reservation]:
    """What a reader can collect, the first to expire first. One query."""
    return _READY.rows(reader=reader.pk)


_READY = Ready(
    lambda of: (
        Reservation.objects.filter(reader=of("reader"), state=Reservation.State.READY)
        .in_full()
        .order_by("pickup_until")
    )
)


def queue_of(book: Book) -> ReservationQuerySet:
    """Everybody who waits for a book or has it set aside, in their order."""
    return Reservation.objects.active().filter(book=book).in_full().in_queue()


def hold_shelf(branch: Branch) -> ReservationQuerySet:
    """What stands ready at a branch, the first to expire first."""
    ready = Reservation.objects.filter(state=Reservation.State.READY, pickup_branch=branch)
    return ready.in_full().order_by("pickup_until", "pk")


def to_clear(branch: Branch) -> ReservationQuerySet:
    """Ended uncollected, while the copy was neither scanned nor lent since: it still stands on the hold shelf."""
    ended = Reservation.objects.filter(
        state__in=[Reservation.State.CANCELLED, Reservation.State.EXPIRED],
        ready_at__isnull=False,
        shelf_cleared_at__isnull=True,
        pickup_branch=branch,
    )
    return ended.exclude(copy__loans__checked_out_at__gt=F("ended_at")).in_full().order_by("ended_at", "pk")


def transfers_at(branch: Branch) -> TransferQuerySet:
    """What is on its way to a branch or from it, the longest first."""
    concerns = Q(from_branch=branch) | Q(to_branch=branch)
    return Transfer.objects.open().filter(concerns).in_full().order_by("sent_at", "pk")


# --- Queues --------------------------------------------------------------------------------------------------------


_ACTIVE = Ready(
    lambda of: (
        Reservation.objects.active()
        .filter(book__pk__among=of("books"))
        .select_related("reader", "pickup_branch")
        .in_queue()
    )
)


class Queues:
    """The queues of some books at an instant, and the copies on the shelves that could fill them.

    One query for the reservations; where anybody waits, one more for the lending rules and one for the shelves.
    """

    def __init__(self, book_ids: Collection[int], *, now: datetime) -> None:
        self._now = now
        self._book_ids = set(book_ids)
        self.active: list[Reservation] = []
        if self._book_ids:
            self.active = _ACTIVE.rows(books=list(self._book_ids))

    @cached_property
    def _terms(self) -> "TermsOf":
        return TermsOf()

    @cached_property
    def _shelves(self) -> dict[int, list[Copy]]:
        awaited = {reservation.book_id for reservation in self.active}
        shelves: dict[int, list[Copy]] = defaultdict(list)
        for copy in Copy.objects.filter(ON_SHELF, book__in=awaited).order_by("pk"):
            shelves[copy.book_id].append(copy)
        return shelves

    @cached_property
    def _calendars(self) -> dict[int, Calendar]:
        return calendars()

    @cached_property
    def _copies(self) -> dict[int, list[Copy]]:
        """Copies that may come back some day, each with `due_at` of its open loan; without those searched for."""
        open_loan = FilteredRelation("loans", condition=Q(loans__returned_at=None))
        found = Copy.objects.filter(book__in=self._book_ids, is_reference_only=False).exclude(status__in=GONE)
        copies: dict[int, list[Copy]] = defaultdict(list)
        found = found.annotate(open_loan=open_loan).filter(open_loan__claimed_returned_at=None)
        for copy in found.annotate(due_at=F("open_loan__due_at")).order_by("pk"):
            copies[copy.book_id].append(copy)
        return copies

    def of(self, book_id: int) -> list[Reservation]:
        """Everybody in the queue of a book, also those for whom a copy is set aside."""
        return [reservation for reservation in self.active if reservation.book_id == book_id]

    def waiting(self, book_id: int) -> list[Reservation]:
        """Those whose turn may come now: who waits and is not suspended today."""
        return [reservation for reservation in self.of(book_id) if self.is_waiting(reservation)]

    def is_waiting(self, reservation: Reservation) -> bool:
        """Whether its turn may come now."""
        today = self._now.astimezone(reservation.pickup_branch.zone).date()
        return reservation.state == Reservation.State.WAITING and not reservation.is_suspended_on(today)

    def may_fill(self, copy: Copy, reservation: Reservation) -> bool:
        """Whether this copy would do for this reservation."""
        return rules.may_fill(
            is_reference_only=copy.is_reference_only,
            branch_id=copy.branch_id,
            terms=self._terms(reservation.reader, copy, reservation.pickup_branch_id),
            pickup_branch_id=reservation.pickup_branch_id,
            do_copies_travel=settings.RESERVATION_TRANSFERS,
        )

    def first_for(self, copy: Copy) -> Reservation | None:
        """Whose turn it is when this copy is free."""
        return next((one for one in self.waiting(copy.book_id) if self.may_fill(copy, one)), None)

    def needs(self, copy: Copy, *, reader_id: int) -> bool:
        """Whether those before this reader need this very copy, because the other ones on the shelves do not suffice.

        Before a reader who has no place in the queue are all who wait.
        """
        ahead = []
        for reservation in self.of(copy.book_id):
            if reservation.reader_id == reader_id:
                break
            if self.is_waiting(reservation):
                ahead.append(reservation)
        if not ahead:
            return False
        copies = {one.pk: one for one in [*self._shelves[copy.book_id], copy]}
        return rules.is_needed(copy.pk, self._wishes(ahead, list(copies.values())))

    def picks(self) -> dict[int, Copy]:
        """Which copy to fetch from the shelves for which reservation, by key of the latter."""
        picks: dict[int, Copy] = {}
        for book_id, copies in self._shelves.items():
            waiting = self.waiting(book_id)
            by_key = {copy.pk: copy for copy in copies}
            found = rules.covered(self._wishes(waiting, copies))
            picks |= {waiting[place].pk: by_key[copy] for place, copy in found.items()}
        return picks

    def _wishes(self, waiting: Sequence[Reservation], copies: Sequence[Copy]) -> list[list[int]]:
        """For each the copies that would do, those of the branch of pick-up first."""
        return [
            [
                copy.pk
                for copy in sorted(copies, key=lambda copy: copy.branch_id != one.pickup_branch_id)
                if self.may_fill(copy, one)
            ]
            for one in waiting
        ]

    def expected(self, *, more: Collection[Reservation] = ()) -> dict[int | None, date]:
        """When each of the queues can expect a copy, by key; `more` are such as are not placed yet, with negative keys.

        Those for whom a copy is set aside have no date, nor those for whom none would do. Four queries.
        """
        everybody = [*self.active, *more]
        if not everybody:
            return {}
        days = self._calendars
        expected: dict[int | None, date] = {}
        for book_id, of_book in self._copies.items():
            queue = [*self.of(book_id), *(one for one in more if one.book_id == book_id)]
            expected |= self._expected_of(queue, of_book)
        found: dict[int | None, date] = {}
        for one in everybody:
            if one.pk in expected:
                found[one.pk] = _next_open(expected[one.pk], days[one.pickup_branch_id])
        return found

    def _expected_of(self, queue: Sequence[Reservation], copies: Sequence[Copy]) -> dict[int | None, date]:
        if not queue:
            return {}
        zone = queue[0].pickup_branch.zone
        today = self._now.astimezone(zone).date()
        loan_days = {copy.pk: _days(self._terms(queue[0].reader, copy, queue[0].pickup_branch_id)) for copy in copies}
        kept = {one.copy_id: one for one in queue if one.copy_id}
        free_on = {}
        for copy in copies:
            if keeper := kept.get(copy.pk):
                free_on[copy.pk] = (keeper.pickup_until or today) + timedelta(days=loan_days[copy.pk])
            else:
                free_on[copy.pk] = _free_on(copy, today, zone)
        waiting = [one for one in queue if one.state == Reservation.State.WAITING]
        turns = [
            rules.Turn(
                copies=(would_do := [copy.pk for copy in copies if self.may_fill(copy, one)]),
                far=frozenset(
                    copy.pk for copy in copies if copy.pk in would_do and copy.branch_id != one.pickup_branch_id
                ),
                suspended_until=one.suspended_until,
            )
            for one in waiting
        ]
        guesses = rules.expected_days(turns, free_on=free_on, loan_days=loan_days, today=today)
        return {one.pk: day for one, day in zip(waiting, guesses, strict=True) if day}

    def places(self) -> dict[int, int]:
        """The place, from 1, of everybody who waits, by key; whoever has a copy set aside waits no longer."""
        places: dict[int, int] = {}
        counted: dict[int, int] = defaultdict(int)
        for reservation in self.active:
            if reservation.state == Reservation.State.WAITING:
                counted[reservation.book_id] += 1
                places[reservation.pk] = counted[reservation.book_id]
        return places


class TermsOf:
    """The terms on which a reader would borrow a copy that is kept at a branch. One query, when first asked."""

    @cached_property
    def _rules(self) -> RuleBook:
        return rule_book()

    def __call__(self, reader: Reader, copy: Copy, pickup_branch_id: int) -> Terms:
        """By the rules of the copy's branch or of the desk's, as the setting LENDING_BRANCH says."""
        branch_id = copy.branch_id if settings.LENDING_BRANCH == "copy" else pickup_branch_id
        return self._rules(reader.category_id, copy.item_type_id, branch_id).terms


def _free_on(copy: Copy, today: date, zone: ZoneInfo) -> date:
    due_at: datetime | None = copy.due_at  # type: ignore[attr-defined] # annotated
    if due_at is None:
        return today
    due_on = due_at.astimezone(zone).date()
    return due_on if due_on >= today else today + rules.OVERDUE_GUESS


def _days(terms: Terms) -> int:
    return terms.loan_period if terms.loan_period_unit == "days" else 1


def _next_open(day: date, calendar: Calendar) -> date:
    try:
        return calendar.next_open(day)
    except NoOpenDay:
        return day


# --- Claims and facts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What others have to say when a reader wants to take or keep a copy."""

    keeper: Reservation | None = None
    """The reservation of another reader that this copy is set aside for."""
    is_needed: bool = False
    """Whether those before this reader in the queue need this copy."""
    transfer: Transfer | None = None
    """The way the copy is on, unless it goes to this very reader."""
    has_queue: bool = False
    """Whether anybody, this reader included, has a reservation of the book that is not over."""


def queues_of(copy: Copy, *, now: datetime) -> Queues:
    """The queue of a copy's book. No query where the copy came with `has_queue` and nobody is in it."""
    return Queues([copy.book_id] if getattr(copy, "has_queue", True) else [], now=now)


def claims_on(copy: Copy, *, reader_id: int, now: datetime) -> Claims:
    """Who claims a copy that a reader wants to borrow. One query while nobody waits, three where somebody does.

    None while nobody waits for a copy that came with `has_queue`.
    """
    queues = queues_of(copy, now=now)
    queue = queues.of(copy.book_id)
    keeper = next((one for one in queue if one.copy_id == copy.pk), None)
    is_own = keeper is not None and keeper.reader_id == reader_id
    transfer = None
    if copy.status == Copy.Status.IN_TRANSIT and not is_own:
        transfer = Transfer.objects.open().filter(copy=copy).select_related("to_branch").first()
    return Claims(
        keeper=None if is_own else keeper,
        is_needed=keeper is None and queues.needs(copy, reader_id=reader_id),
        transfer=transfer,
        has_queue=bool(queue),
    )


def reserve_facts(
    *, book: Book | None, reader: Reader | None, pickup_branch: Branch, now: datetime
) -> rules.ReserveFacts:
    """What decides whether a reader may reserve a book; None: there is no such one. Seven queries.

    The reader comes with the category. Raises NoDefaultRule before `manage.py setup_library` has run.
    """
    today = now.astimezone(pickup_branch.zone).date()
    if book is None or reader is None:
        return rules.ReserveFacts(
            today=today,
            reader=_reader(reader, today, now) if reader else None,
            is_book_known=book is not None,
            pickup_branch_id=pickup_branch.pk,
            do_copies_travel=settings.RESERVATION_TRANSFERS,
        )
    terms_of = TermsOf()
    starts = datetime.combine(today, time.min, pickup_branch.zone)
    own = list(
        Reservation.objects.filter(
            Q(state__in=Reservation.ACTIVE) | Q(placed_at__gte=starts), reader=reader
        ).values_list("book_id", "state", "placed_at")
    )
    out = reader.loans.filter(returned_at=None, copy__book=book).values_list("due_at", "copy__branch__time_zone")
    return rules.ReserveFacts(
        today=today,
        reader=_reader(reader, today, now),
        copies=tuple(
            rules.CopyFacts(
                copy_id=copy.pk,
                branch_id=copy.branch_id,
                status=copy.status,
                is_reference_only=copy.is_reference_only,
                terms=terms_of(reader, copy, pickup_branch.pk),
            )
            for copy in book.copies.order_by("pk")
        ),
        pickup_branch_id=pickup_branch.pk,
        do_copies_travel=settings.RESERVATION_TRANSFERS,
        active=sum(state in Reservation.ACTIVE for _book, state, _at in own),
        active_of_book=sum(state in Reservation.ACTIVE and of == book.pk for of, state, _at in own),
        placed_today=sum(at >= starts for _book, _state, at in own),
        same_book_due_at=min((at.astimezone(ZoneInfo(zone)) for at, zone in out), default=None),
        waiting=len(Queues([book.pk], now=now).waiting(book.pk)),
    )


def _reader(reader: Reader, today: date, now: datetime) -> ReaderFacts:
    overdue = reader.loans.filter(returned_at=None, due_at__lt=now).count()
    owed = balance_of(reader.pk) if reader.category.max_balance is not None else Decimal()
    return reader_facts(reader, live_blocks([reader.pk], now), overdue=overdue, owed=owed, today=today)


# --- What doors show ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a reservation stands now."""

    reservation: Reservation
    place: int | None
    """From 1; None: it waits no longer."""
    waiting: int
    """How many wait for the book in all."""
    expected_on: date | None
    """When a copy can be expected; None: nobody can tell, or it waits no longer."""
    is_suspended: bool


def standings(reservations: Sequence[Reservation], *, now: datetime) -> list[Standing]:
    """How each reservation stands, in the order given: six queries for all, one if none is active.

    The reservations come `in_full()`.
    """
    queues = Queues({one.book_id for one in reservations if one.is_active}, now=now)
    places, expected = queues.places(), queues.expected()
    waiting: dict[int, int] = defaultdict(int)
    for one in queues.active:
        waiting[one.book_id] += one.state == Reservation.State.WAITING
    return [
        Standing(
            reservation=one,
            place=places.get(one.pk),
            waiting=waiting[one.book_id],
            expected_on=expected.get(one.pk),
            is_suspended=one.is_suspended_on(one.local(now).date()),
        )
        for one in reservations
    ]


def expected_at(book: Book, reader: Reader, branches: Iterable[Branch], *, now: datetime) -> dict[int, date]:
    """When a reader who reserved the book now could expect it, by key of the branch of pick-up. Five queries."""
    expected: dict[int, date] = {}
    queues = Queues([book.pk], now=now)
    for branch in branches:
        wish = Reservation(pk=-1, book=book, reader=reader, pickup_branch=branch)
        if day := queues.expected(more=[wish]).get(-1):
            expected[branch.pk] = day
    return expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A line of the pick list: a copy to fetch from its shelf, and for whom."""

    copy: Copy
    reservation: Reservation


def pick_list(branch: Branch, *, now: datetime) -> list[Pick]:
    """What to fetch from the shelves of a branch, in the order of the shelves, at most `MOST_PICKED` books at a time.

    Five queries.
    """
    here = Copy.objects.filter(ON_SHELF, branch=branch)
    awaited = Reservation.objects.filter(state=Reservation.State.WAITING, book__in=here.values("book"))
    books = awaited.order_by().values("book").annotate(since=Min("placed_at")).order_by("since", "book")
    queues = Queues([row["book"] for row in books[:MOST_PICKED]], now=now)
    picks = {pk: copy for pk, copy in queues.picks().items() if copy.branch_id == branch.pk}
    reservations = Reservation.objects.filter(pk__in=picks).in_full().in_bulk()
    lines = [Pick(copy=copy, reservation=reservations[pk]) for pk, copy in picks.items()]
    return sorted(lines, key=lambda line: (line.copy.shelf_mark, line.reservation.book.sort_title, line.copy.pk))
