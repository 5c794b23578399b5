"""Records and rows into the catalogue: a thousand a commit, safe to interrupt and to repeat.

The same record is known by its digest and passed over. A newer version is known by its control number, provided that
it describes what looks like the same book; then what the record changed is changed, and what a librarian edited stays.
A number shared by different records never lets one overwrite another (docs/import.md).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import islice
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone, translation

from catalog import search
from catalog.bookdata import BookData, CopyData, Incoming
from catalog.import_copies import CopyOptions, Shelves, Wanted, add_copies
from catalog.import_writing import create_books, fitted, look_up, update_books, write_sources
from catalog.marc import encodings, mapping, reading
from catalog.merging import book_of_source, merged
from catalog.models import Book, ImportRun, Isbn, SourceRecord
from catalog.problems import Problem, Remark, each_once
from catalog.stored import read_books
from library.core import audit
from library.core.text import fold
from library.core.transactions import one_commit

BATCH = 1000
"""Records of one commit."""
KEPT_REMARKS = 1000
"""Remarks kept with the import; the report of the command has all of them."""
LIKENESS = 0.75
"""How alike two titles must be (difflib's ratio of the folded titles) to be versions of one."""
_QUEUE = 0x696D706F7274
"""The advisory lock («import») by which batches of concurrent imports go one after another."""
_PATIENCE = "120s"
"""How long a batch waits for the batches of another import."""


class Outcome(StrEnum):
    """What became of a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of one record, with the book before and after where the import changed it."""

    number: int
    outcome: Outcome
    book_id: int | None = None
    before: BookData | None = None
    after: BookData | None = None
    copies_created: int = 0
    remarks: list[Remark] = field(default_factory=list)
    """For a rejected record the reason comes last."""


class _Candidate(NamedTuple):
    """A book whose source record has the control number or key asked for."""

    book_id: int
    title: str
    year: int | None
    isbns: frozenset[str]


@dataclass(slots=True)
class _Progress:
    """What an import must remember from batch to batch."""

    claimed: dict[int, int] = field(default_factory=dict)
    """Books that a record of this file stands for, with its number: no other record of it may change them."""
    told: set[str] = field(default_factory=set)
    """Unknown branches that were remarked upon."""


def marc_records(stream: BinaryIO, *, encoding: str = encodings.AUTO, format: str = mapping.AUTO) -> Iterator[Incoming]:
    """The records of a MARC file, understood."""
    for piece in reading.read(stream, encoding):
        if piece.record is None:
            yield Incoming(number=piece.number, refusal=piece.refusal)
            continue
        understood = mapping.understand(piece.record, format)
        if isinstance(understood, Remark):
            yield Incoming(number=piece.number, refusal=understood, remarks=piece.remarks)
            continue
        yield Incoming(
            number=piece.number,
            book=understood.book,
            remarks=piece.remarks + understood.remarks,
            format=understood.format,
            key=understood.key,
            is_key_trusted=understood.is_key_trusted,
            digest=piece.record.digest(),
            content=piece.record.as_json,
            uid=_own_number(piece.record.control("001")),
        )


def _own_number(number: str) -> UUID | None:
    """The public id of a book in the control number of a record that this library made itself (`catalog.exports`)."""
    try:
        return UUID(number.rpartition("\\")[2]) if len(number) >= 32 else None
    except ValueError:
        return None


def import_books(
    arrivals: Iterable[Incoming],
    *,
    file_name: str,
    by: Any,
    copies: CopyOptions,
    options: Mapping[str, Any] | None = None,
    is_trial: bool = False,
    on_batch: Callable[[ImportRun, list[Result]], None] = lambda run, results: None,
    clock: Callable[[], datetime] = timezone.now,
) -> ImportRun:
    """Import everything that arrives; returns the import with its counts.

    `by` is a User or None (a command), `options` what the operator chose, for the record. `on_batch` hears of each
    batch after its commit. `is_trial` does everything, then takes it all back. Interrupted, what is committed stays,
    and the same file goes on from there. Raises Busy when another import does not let it have its turn.
    """
    if is_trial:
        with transaction.atomic():
            run = _import_all(arrivals, file_name, by, copies, options, on_batch, clock)
            transaction.set_rollback(True)
        return run
    return _import_all(arrivals, file_name, by, copies, options, on_batch, clock)


def _import_all(
    arrivals: Iterable[Incoming],
    file_name: str,
    by: Any,
    copies: CopyOptions,
    options: Mapping[str, Any] | None,
    on_batch: Callable[[ImportRun, list[Result]], None],
    clock: Callable[[], datetime],
) -> ImportRun:
    run = ImportRun.objects.create(
        file_name=file_name[:300], options=dict(options or {}), started_by=by, started_at=clock()
    )
    progress = _Progress()
    for batch in _read_ahead(arrivals):
        with one_commit():
            _take_turn()
            results = _import_safely(batch, run=run, progress=progress, copies=copies, now=clock())
            _count(run, results)
        on_batch(run, results)
    with one_commit():
        run.finished_at = clock()
        run.save(update_fields=["finished_at"])
        counts = {name: getattr(run, name) for name in ("read", *Outcome, "copies_created")}
        audit.record(
            action="catalog.import_books", subject=run, by=by, now=run.finished_at, detail={**run.options, **counts}
        )
    return run


def _read_ahead(arrivals: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    """Batches of arrivals, the next one being read by another thread while the database works on the last."""
    batches: Queue[list[Incoming] | BaseException] = Queue(maxsize=1)
    is_over = Event()
    language = translation.get_language()

    def read() -> None:
        waiting = iter(arrivals)
        try:
            with translation.override(language):
                while not is_over.is_set():
                    batch = list(islice(waiting, BATCH))
                    batches.put(batch)
                    if not batch:
                        return
        except BaseException as error:  # noqa: BLE001 - whatever happened is raised where the batch is waited for
            batches.put(error)

    reader = Thread(target=read, daemon=True)
    reader.start()
    try:
        while batch := batches.get():
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        is_over.set()
        while reader.is_alive():
            with suppress(Empty):
                batches.get(timeout=0.05)


def _take_turn() -> None:
    """Wait for the batch of another import, if there is one, until the end of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_QUEUE])


def _count(run: ImportRun, results: list[Result]) -> None:
    counts = Counter(result.outcome for result in results)
    run.read += len(results)
    for outcome in Outcome:
        setattr(run, outcome, getattr(run, outcome) + counts[outcome])
    run.copies_created += sum(result.copies_created for result in results)
    for result in results:
        for remark in result.remarks:
            if len(run.remarks) < KEPT_REMARKS:
                run.remarks.append({"record": result.number, "problem": remark.problem, "data": dict(remark.data)})
    run.save(update_fields=["read", *Outcome, "copies_created", "remarks"])


def _import_safely(
    batch: list[Incoming], *, run: ImportRun, progress: _Progress, copies: CopyOptions, now: datetime
) -> list[Result]:
    """The batch; should the database refuse it, its halves, down to the one record that is to blame."""
    try:
        with transaction.atomic():
            claims: dict[int, int] = {}
            results = _Batch(batch, run, progress, claims, copies, now).imported()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except (DataError, IntegrityError) as error:
        if len(batch) == 1:
            reason = Remark(Problem.DATABASE_REFUSED, {"detail": str(error).partition("\n")[0][:200]})
            return [Result(number=batch[0].number, outcome=Outcome.REJECTED, remarks=[*batch[0].remarks, reason])]
        middle = len(batch) // 2
        return [
            result
            for half in (batch[:middle], batch[middle:])
            for result in _import_safely(half, run=run, progress=progress, copies=copies, now=now)
        ]
    progress.claimed |= claims
    return results


class _Batch:
    """One batch on its way: decided record by record, written set by set."""

    def __init__(
        self,
        batch: list[Incoming],
        run: ImportRun,
        progress: _Progress,
        claims: dict[int, int],
        copies: CopyOptions,
        now: datetime,
    ) -> None:
        self.batch = batch
        self.run = run
        self.progress = progress
        self.claims = claims
        self.copies = copies
        self.now = now
        self.results: dict[int, Result] = {}
        self.creations: list[tuple[Incoming, BookData]] = []
        self.changes: dict[int, Incoming] = {}
        """Books to bring to what a record says, by primary key."""
        self.twins: dict[int, int] = {}
        """Records that say the same as an earlier one of the batch, with the number of that one."""

    def imported(self) -> list[Result]:
        """Write the batch; the results in the order of its records."""
        self._decide()
        self._write()
        self._write_copies()
        touched = [
            result.book_id
            for result in self.results.values()
            if result.book_id and result.outcome in (Outcome.CREATED, Outcome.UPDATED)
        ]
        search.index_books(touched)
        return [self.results[incoming.number] for incoming in self.batch]

    # --- Deciding ---
    def _decide(self) -> None:
        known = dict(
            SourceRecord.objects.filter(digest__any_of=[i.digest for i in self.batch if i.digest]).values_list(
                "digest", "book_id"
            )
        )
        by_uid = dict(Book.objects.filter(uid__in=[i.uid for i in self.batch if i.uid]).values_list("uid", "pk"))
        first_of_digest: dict[str, int] = {}
        undecided: list[Incoming] = []
        for incoming in self.batch:
            if incoming.refusal:
                self._settle(incoming, Outcome.REJECTED, remark=incoming.refusal)
            elif incoming.uid and (incoming.uid in by_uid or not incoming.format):
                self._decide_by_uid(incoming, by_uid.get(incoming.uid))
            elif book_id := known.get(incoming.digest):
                earlier = self._claimed(book_id)
                self.claims.setdefault(book_id, incoming.number)
                repeated = Remark(Problem.SAME_RECORD_IN_FILE, {"record": earlier}) if earlier else None
                self._settle(incoming, Outcome.UNCHANGED, book_id, remark=repeated)
            elif earlier := first_of_digest.setdefault(incoming.digest, 0):
                self.twins[incoming.number] = earlier
                self._settle(
                    incoming, Outcome.UNCHANGED, remark=Remark(Problem.SAME_RECORD_IN_FILE, {"record": earlier})
                )
            else:
                first_of_digest[incoming.digest] = incoming.number
                undecided.append(incoming)
        self._decide_by_key(undecided)

    def _decide_by_uid(self, incoming: Incoming, book_id: int | None) -> None:
        if book_id is None:
            self._settle(incoming, Outcome.REJECTED, remark=Remark(Problem.UNKNOWN_BOOK, {"id": str(incoming.uid)}))
        elif self._claimed(book_id) or book_id in self.changes:
            repeated = Remark(Problem.SAME_RECORD_IN_FILE, {"record": self._claimed(book_id)})
            self._settle(incoming, Outcome.UNCHANGED, book_id, remark=repeated)
        else:
            self.claims[book_id] = incoming.number
            self.changes[book_id] = incoming
            self._settle(incoming, Outcome.UNCHANGED, book_id)

    def _decide_by_key(self, undecided: list[Incoming]) -> None:
        candidates = _candidates({incoming.key for incoming in undecided if incoming.key})
        fresh: defaultdict[str, list[_Candidate]] = defaultdict(list)
        """Books that this batch makes, by key; their `book_id` is the negative number of their record."""
        for incoming in undecided:
            book = incoming.book or BookData()
            same_key = [*candidates.get(incoming.key, ()), *fresh.get(incoming.key, ())]
            alike = [candidate for candidate in same_key if _is_same_book(book, candidate, incoming)]
            match = next((candidate.book_id for candidate in alike if not self._claimed(candidate.book_id)), None)
            if match:
                self.claims[match] = incoming.number
                self.changes[match] = incoming
                self._settle(incoming, Outcome.UPDATED, match)
            elif alike and incoming.format == SourceRecord.Format.TABLE:
                self._repeat(incoming, alike[0].book_id)
            else:
                self._settle(incoming, Outcome.CREATED)
                if same_key:
                    self._remark(incoming.number, Remark(Problem.SHARED_CONTROL_NUMBER, {"key": incoming.key}))
                if incoming.key:
                    fresh[incoming.key].append(
                        _Candidate(-incoming.number, book.title, book.year, frozenset(book.isbns))
                    )
                self.creations.append((incoming, self._fitted(incoming, book)))

    def _repeat(self, incoming: Incoming, book_id: int) -> None:
        """A row of a book that an earlier row of the file made or changed: another copy, as a rule."""
        number = self._claimed(book_id)
        if book_id < 0:
            self.twins[incoming.number] = number
        self._settle(
            incoming,
            Outcome.UNCHANGED,
            book_id if book_id > 0 else None,
            remark=Remark(Problem.SAME_RECORD_IN_FILE, {"record": number}),
        )

    def _claimed(self, book_id: int) -> int:
        """The number of the record of this file that stands for the book; 0: none."""
        if book_id < 0:
            return -book_id
        return self.claims.get(book_id) or self.progress.claimed.get(book_id, 0)

    def _settle(
        self, incoming: Incoming, outcome: Outcome, book_id: int | None = None, remark: Remark | None = None
    ) -> None:
        remarks = [*incoming.remarks, *([remark] if remark else [])]
        self.results[incoming.number] = Result(
            number=incoming.number, outcome=outcome, book_id=book_id, remarks=each_once(remarks)
        )

    def _remark(self, number: int, remark: Remark) -> None:
        if remark not in self.results[number].remarks:
            self.results[number].remarks.append(remark)

    def _fitted(self, incoming: Incoming, book: BookData) -> BookData:
        book, cuts = fitted(book)
        for cut in cuts:
            self._remark(incoming.number, cut)
        return book

    # --- Writing ---
    def _write(self) -> None:
        changes = self._merged()
        names = look_up([*(book for _, book in self.creations), *(wanted for _, wanted in changes.values())])
        if changes:
            update_books(changes, names=names, now=self.now)
        write_sources([(book_id, incoming) for book_id, incoming in self.changes.items()], run=self.run, now=self.now)
        if not self.creations:
            return
        book_ids = create_books(self.creations, names=names, run=self.run, now=self.now)
        for book_id, (incoming, book) in zip(book_ids, self.creations, strict=True):
            result = self.results[incoming.number]
            result.book_id, result.after = book_id, book
            self.claims[book_id] = incoming.number

    def _merged(self) -> dict[int, tuple[BookData, BookData]]:
        """What the changed books are and what they shall be; the books are locked from here on."""
        if not self.changes:
            return {}
        list(Book.objects.locked().filter(pk__in=self.changes).values_list("pk"))
        current = read_books(self.changes)
        sources = {source.book_id: source for source in SourceRecord.objects.filter(book__in=self.changes)}
        wanted: dict[int, tuple[BookData, BookData]] = {}
        for book_id, incoming in self.changes.items():
            base = book_of_source(sources[book_id]) if book_id in sources and not incoming.uid else None
            book = self._fitted(incoming, incoming.book or BookData())
            after, kept = merged(current[book_id], book, base, incoming.fields)
            if kept:
                self._remark(incoming.number, Remark(Problem.EDITS_KEPT, {"fields": kept}))
            result = self.results[incoming.number]
            result.before, result.after = current[book_id], after
            if after != current[book_id]:
                result.outcome = Outcome.UPDATED
                wanted[book_id] = (current[book_id], after)
        return wanted

    def _write_copies(self) -> None:
        if not self.copies.is_wanted:
            return
        wanted: list[Wanted] = []
        for incoming in self.batch:
            result = self.results[incoming.number]
            if incoming.book is None or result.outcome == Outcome.REJECTED:
                continue
            if result.outcome == Outcome.UNCHANGED and incoming.format not in ("", SourceRecord.Format.TABLE):
                continue
            book_id = result.book_id or self.results[self.twins[incoming.number]].book_id
            given = incoming.book.copies
            if not given and result.outcome == Outcome.CREATED:
                given = (CopyData(shelf_mark=incoming.book.call_number),) * self.copies.copies_per_book
            if book_id:
                wanted += [Wanted(incoming.number, book_id, incoming.book.material_type, copy) for copy in given]
        if not wanted:
            return
        created = add_copies(wanted, shelves=Shelves(self.copies, self.progress.told), remark=self._remark)
        for number, count in created.items():
            result = self.results[number]
            result.copies_created = count
            if result.outcome == Outcome.UNCHANGED:
                result.outcome = Outcome.UPDATED
                result.book_id = result.book_id or self.results[self.twins[number]].book_id


def _candidates(keys: set[str]) -> dict[str, list[_Candidate]]:
    found: defaultdict[str, list[_Candidate]] = defaultdict(list)
    rows = list(
        SourceRecord.objects.filter(key__any_of=keys)
        .order_by("pk")
        .values_list("key", "book_id", "book__title", "book__year")
    )
    isbns: defaultdict[int, set[str]] = defaultdict(set)
    for book_id, value in Isbn.objects.filter(book__in=[row[1] for row in rows]).values_list("book_id", "value"):
        isbns[book_id].add(value)
    for key, book_id, title, year in rows:
        found[key].append(_Candidate(book_id, title, year, frozenset(isbns[book_id])))
    return found


def _is_same_book(book: BookData, candidate: _Candidate, incoming: Incoming) -> bool:
    """Whether a record with the same control number describes the same book, perhaps in other words.

    Where the agency of the number is unknown the years must not contradict each other either.
    """
    if not incoming.is_key_trusted and book.year and candidate.year and book.year != candidate.year:
        return False
    if not candidate.isbns.isdisjoint(book.isbns):
        return True
    titles = fold(book.title), fold(candidate.title)
    return titles[0] == titles[1] or SequenceMatcher(None, *titles).ratio() >= LIKENESS
