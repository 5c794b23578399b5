"""Records and rows into the catalogue: a thousand a commit, safe to interrupt and to repeat.

The same record is known by its digest and passed over. A newer version is known by its control number, provided that
it describes what looks like the same book; then what the record changed is changed, and what a librarian edited stays.
A number shared by different records never lets one overwrite another (docs/import.md).
"""

import gc
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from catalog import search
from catalog.bookdata import BookData, CopyData, Incoming
from catalog.import_copies import CopyOptions, Made, Shelves, Wanted, add_copies
from catalog.import_journal import former_state, last_names, note_changes
from catalog.import_matching import Candidate, books_by_digest, books_by_uid, candidates, is_newer, is_same_book
from catalog.import_names import KnownNames, Names, look_up, named, with_other_names
from catalog.import_preparing import Ready, ReadyCopy, ready_copy
from catalog.import_reading import Batch, read_ahead
from catalog.import_volumes import link_volumes
from catalog.import_writing import create_books, replace_sources, tell_planner, uncollected, update_books
from catalog.merges import FormerSource, books_of_former_uids, former_sources
from catalog.merging import book_of_arrival, book_of_source, merged
from catalog.models import Book, ImportedBook, ImportRemark, ImportRun, SourceRecord
from catalog.problems import Problem, Remark, each_once
from catalog.rows import array, new_ids, random_uids, send, send_lines
from catalog.stored import read_books
from library.core import audit
from library.core.errors import LibraryError
from library.core.transactions import one_commit

_QUEUE = 0x696D706F7274
"""The advisory lock («import») by which batches of concurrent imports go one after another."""
_TOLD = frozenset(4**power for power in range(1, 12))
"""The batches after which the planner is told of how the tables have grown: the 4th, 16th, 64th and so on."""
_COLLECTED = 16
"""After how many batches Python looks for cycles, which takes it as long as a few dozen records."""
_MOST_WORDS = 50_000
"""Words that wait for a new book; more of them are remembered without one, which does no harm."""
_PATIENCE = "120s"
"""How long a batch waits for the batches of another import."""

_HOW = """
SELECT set_config('lock_timeout', %s, true), set_config('synchronous_commit', 'off', true),
       set_config('enable_seqscan', 'off', true)
"""
"""How the transaction of a batch works. The commit does not wait for the disk: after a power cut the import goes on
from the last batch that reached it, as after any interruption, and its end waits for everything before. A batch looks a
thousand rows up by their indexes, however small the planner takes a table that was small a moment ago."""


class Stopped(LibraryError):
    """Somebody stopped the import; what is committed stays."""


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
    becomes: Callable[[], BookData] | None = None
    """Gives the book after."""
    copies_created: int = 0
    remarks: list[Remark] = field(default_factory=list)
    """For a rejected record the reason comes last."""

    @property
    def after(self) -> BookData | None:
        """The book after, where the import made or changed it."""
        return self.becomes() if self.becomes else None


COUNTED = ("read", *Outcome, "remarked", "copies_created")
"""The counts of an import, as its fields are called."""
OnBatch = Callable[[ImportRun, list[Result]], None]


@dataclass(slots=True)
class _Progress:
    """What an import must remember from batch to batch."""

    claimed: dict[int, int] = field(default_factory=dict)
    """Books that a record of this file stands for, with its number: no other record of it may change them."""
    told: set[str] = field(default_factory=set)
    """Unknown branches that were remarked upon."""
    names: KnownNames = field(default_factory=KnownNames)
    """Names that are written for good."""
    words: dict[str, Sequence[str]] = field(default_factory=dict)
    """Words with their keys that are to be remembered with the next book."""


def import_books(
    arrivals: Iterable[Incoming],
    *,
    file_name: str,
    by: Any,
    copies: CopyOptions,
    options: Mapping[str, Any] | None = None,
    is_trial: bool = False,
    on_batch: OnBatch = lambda run, results: None,
    clock: Callable[[], datetime] = timezone.now,
) -> ImportRun:
    """Import everything that arrives; returns the import with its counts.

    `by` is a User or None (a command), `options` what the operator chose, for the record. `on_batch` hears of each
    batch after its commit. `is_trial` does everything, then takes it all back. Interrupted, what is committed stays,
    and the same file goes on from there. Raises Busy when another import does not let it have its turn.
    """
    return import_batches(
        read_ahead(arrivals),
        file_name=file_name,
        by=by,
        copies=copies,
        options=options,
        is_trial=is_trial,
        on_batch=on_batch,
        clock=clock,
    )


def import_batches(
    batches: Iterable[Batch],
    *,
    file_name: str,
    by: Any,
    copies: CopyOptions,
    options: Mapping[str, Any] | None = None,
    is_trial: bool = False,
    on_batch: OnBatch = lambda run, results: None,
    clock: Callable[[], datetime] = timezone.now,
    size: int = 0,
) -> ImportRun:
    """As `import_books`, for a file of `size` bytes that is read elsewhere (`catalog.import_reading.batches`)."""

    def whole() -> ImportRun:
        run = ImportRun.objects.create(
            file_name=file_name[:300], options=dict(options or {}), started_by=by, started_at=clock(), size=size
        )
        go_on(run, batches, copies=copies, on_batch=on_batch, clock=clock)
        return run

    if is_trial:
        with transaction.atomic():
            run = whole()
            transaction.set_rollback(True)
        return run
    return whole()


def go_on(
    run: ImportRun,
    batches: Iterable[Batch],
    *,
    copies: CopyOptions,
    on_batch: OnBatch = lambda run, results: None,
    clock: Callable[[], datetime] = timezone.now,
) -> None:
    """Import what of a file is not in yet; `batches` begin at its beginning. Raises Stopped, Busy.

    What was imported before is read again to know which books its records stand for, and is not counted twice.
    """
    with uncollected():
        _go_through(run, batches, copies=copies, on_batch=on_batch, clock=clock)
    if run.created + run.updated >= search.CHUNK:
        search.tidy_index()
    link_volumes(run)
    with one_commit():
        _still_wanted(run)
        run.finished_at, run.state, run.position = clock(), ImportRun.State.FINISHED, run.size
        run.save(update_fields=["finished_at", "state", "position"])
        counts = {name: getattr(run, name) for name in ("read", *Outcome, "copies_created")}
        audit.record(
            action="catalog.import_books",
            subject=run,
            by=run.started_by,
            now=run.finished_at,
            detail={**run.options, **counts},
        )


def _go_through(
    run: ImportRun,
    batches: Iterable[Batch],
    *,
    copies: CopyOptions,
    on_batch: OnBatch,
    clock: Callable[[], datetime],
) -> None:
    progress = _Progress()
    run.resumed_at, run.read_before = clock(), run.read
    if not run.reached:
        run.names_before = last_names()
    for number, (whole, whole_ready, position, words) in enumerate(batches, 1):
        progress.words |= words
        behind = sum(incoming.number <= run.reached for incoming in whole)
        if behind:
            _remember(whole[:behind], progress)
        if batch := whole[behind:]:
            ready = {incoming.number: one for incoming, one in zip(batch, whole_ready[behind:], strict=True) if one}
            with one_commit():
                _take_turn()
                _still_wanted(run)
                results = _import_safely(batch, ready, run=run, progress=progress, copies=copies, now=clock())
                if any(result.outcome == Outcome.CREATED for result in results) or len(progress.words) > _MOST_WORDS:
                    search.remember(progress.words)
                    progress.words = {}
                run.reached, run.position, run.heard_of_at = batch[-1].number, position, clock()
                _count(run, results)
                _keep_remarks(run, batch, results)
            on_batch(run, results)
            if number in _TOLD:
                tell_planner()
        if number % _COLLECTED == 0:
            gc.collect()


def _remember(batch: list[Incoming], progress: _Progress) -> None:
    """Which books the records of an earlier stretch stand for."""
    by_digest = books_by_digest(batch)
    by_uid = books_by_uid(batch)
    for incoming in batch:
        if book_id := by_digest.get(incoming.digest) or (by_uid.get(incoming.uid) if incoming.uid else None):
            progress.claimed.setdefault(book_id, incoming.number)


def _take_turn() -> None:
    """Wait for the batch of another import, if there is one, until the end of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_HOW, [_PATIENCE])
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_QUEUE])


def _still_wanted(run: ImportRun) -> None:
    """Lock the import for this commit; raises Stopped when somebody stopped it."""
    rows = ImportRun.objects.select_for_update(no_key=True).filter(pk=run.pk)
    if list(rows.values_list("state", flat=True)) != [ImportRun.State.RUNNING]:
        raise Stopped


def _count(run: ImportRun, results: list[Result]) -> None:
    counts = Counter(result.outcome for result in results)
    run.read += len(results)
    for outcome in Outcome:
        setattr(run, outcome, getattr(run, outcome) + counts[outcome])
    run.remarked += sum(bool(result.remarks) and result.outcome != Outcome.REJECTED for result in results)
    run.copies_created += sum(result.copies_created for result in results)
    run.save(
        update_fields=[*COUNTED, "reached", "position", "resumed_at", "read_before", "heard_of_at", "names_before"]
    )


def _keep_remarks(run: ImportRun, batch: list[Incoming], results: list[Result]) -> None:
    rows = [
        (
            run.pk,
            result.number,
            is_refusal := result.outcome == Outcome.REJECTED and remark is result.remarks[-1],
            remark.problem.value,
            json.dumps(dict(remark.data), ensure_ascii=False, default=str),
            incoming.raw if is_refusal and incoming.raw else None,
        )
        for incoming, result in zip(batch, results, strict=True)
        for remark in result.remarks
    ]
    if rows:
        send(ImportRemark, ("run_id", "record", "is_refusal", "problem", "data", "raw"), rows)


def _import_safely(
    batch: list[Incoming],
    ready: Mapping[int, Ready],
    *,
    run: ImportRun,
    progress: _Progress,
    copies: CopyOptions,
    now: datetime,
) -> list[Result]:
    """The batch; should the database refuse it, its halves, down to the one record that is to blame."""
    try:
        with transaction.atomic():
            whole = _Batch(batch, ready, run, progress, copies, now)
            results = whole.imported()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except (DataError, IntegrityError) as error:
        if progress.names:  # one of them may have been deleted
            progress.names.forget()
            return _import_safely(batch, ready, run=run, progress=progress, copies=copies, now=now)
        if len(batch) == 1:
            reason = Remark(Problem.DATABASE_REFUSED, {"detail": str(error).partition("\n")[0][:200]})
            return [Result(number=batch[0].number, outcome=Outcome.REJECTED, remarks=[*batch[0].remarks, reason])]
        middle = len(batch) // 2
        return [
            result
            for half in (batch[:middle], batch[middle:])
            for result in _import_safely(half, ready, run=run, progress=progress, copies=copies, now=now)
        ]
    progress.claimed |= whole.claims
    progress.names.learn(whole.names)
    return results


class _Batch:
    """One batch on its way: decided record by record, written set by set."""

    def __init__(
        self,
        batch: list[Incoming],
        ready: Mapping[int, Ready],
        run: ImportRun,
        progress: _Progress,
        copies: CopyOptions,
        now: datetime,
    ) -> None:
        self.batch = batch
        self.ready = ready
        """The books of the batch as they will be written, by the number of their record."""
        self.run = run
        self.progress = progress
        self.claims: dict[int, int] = {}
        """As `_Progress.claimed`, by this batch."""
        self.copies = copies
        self.now = now
        self.results: dict[int, Result] = {}
        self.creations: list[tuple[Incoming, Ready]] = []
        self.changes: dict[int, Incoming] = {}
        """Books to bring to what a record says, by primary key."""
        self.former: dict[int, dict[str, Any]] = {}
        """What the changed books were, as `ImportedBook.before`."""
        self.twins: dict[int, int] = {}
        """Records that say the same as an earlier one of the batch, with the number of that one."""

    def imported(self) -> list[Result]:
        """Write the batch; the results in the order of its records."""
        self._decide()
        self.names = names = self._change()
        book_ids = new_ids(Book, len(self.creations))
        for book_id, (incoming, ready) in zip(book_ids, self.creations, strict=True):
            result = self.results[incoming.number]
            result.book_id, result.becomes = book_id, partial(book_of_arrival, incoming, ready)
            self.claims[book_id] = incoming.number
        made = self._write_copies()
        create_books(self.creations, book_ids=book_ids, names=names, run=self.run, now=self.now)
        self._note(made)
        self._index(names, made)
        return [self.results[incoming.number] for incoming in self.batch]

    # --- Deciding ---
    def _decide(self) -> None:
        known, by_uid = books_by_digest(self.batch), books_by_uid(self.batch)
        former = former_sources(
            digests={incoming.digest for incoming in self.batch if incoming.digest},
            keys={incoming.key for incoming in self.batch if incoming.key},
        )
        merged_away = {source.digest: source for source in former}
        uids = [incoming.uid for incoming in self.batch if incoming.uid and incoming.uid not in by_uid]
        former_uids = books_of_former_uids(uids) if uids else {}
        first_of_digest: dict[str, int] = {}
        undecided: list[Incoming] = []
        for incoming in self.batch:
            if incoming.refusal:
                self._settle(incoming, Outcome.REJECTED, remark=incoming.refusal)
            elif incoming.uid and incoming.uid in former_uids:
                into_id, title = former_uids[incoming.uid]
                into = Remark(Problem.MERGED_INTO, {"title": title})
                self._settle(incoming, Outcome.UNCHANGED, into_id, remark=into)
            elif incoming.uid and (incoming.uid in by_uid or not incoming.format):
                self._decide_by_uid(incoming, by_uid.get(incoming.uid))
            elif book_id := known.get(incoming.digest):
                earlier = self._claimed(book_id)
                self.claims.setdefault(book_id, incoming.number)
                repeated = Remark(Problem.SAME_RECORD_IN_FILE, {"record": earlier}) if earlier else None
                self._settle(incoming, Outcome.UNCHANGED, book_id, remark=repeated)
            elif incoming.digest in merged_away:
                self._settle(incoming, Outcome.UNCHANGED, merged_away[incoming.digest].book_id)
            elif earlier := first_of_digest.setdefault(incoming.digest, 0):
                self.twins[incoming.number] = earlier
                self._settle(
                    incoming, Outcome.UNCHANGED, remark=Remark(Problem.SAME_RECORD_IN_FILE, {"record": earlier})
                )
            else:
                first_of_digest[incoming.digest] = incoming.number
                undecided.append(incoming)
        self._decide_by_key(undecided, former)

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

    def _decide_by_key(self, undecided: list[Incoming], former: list[FormerSource]) -> None:
        known_by_key = candidates({incoming.key for incoming in undecided if incoming.key})
        fresh: defaultdict[str, list[Candidate]] = defaultdict(list)
        """Books that this batch makes, by key; their `book_id` is the negative number of their record."""
        for incoming in undecided:
            arrived = self._arrived(incoming)
            same_key = [*known_by_key.get(incoming.key, ()), *fresh.get(incoming.key, ())]
            alike = [candidate for candidate in same_key if is_same_book(arrived, candidate, incoming)]
            match = next((candidate.book_id for candidate in alike if not self._claimed(candidate.book_id)), None)
            if match:
                self.claims[match] = incoming.number
                self.changes[match] = incoming
                self._settle(incoming, Outcome.UPDATED, match)
            elif alike and incoming.format == SourceRecord.Format.TABLE:
                self._repeat(incoming, alike[0].book_id)
            elif source := next((one for one in former if is_newer(arrived, one, incoming)), None):
                into = Remark(Problem.MERGED_INTO, {"title": source.book_title})
                self._settle(incoming, Outcome.UNCHANGED, source.book_id, remark=into)
            else:
                self._settle(incoming, Outcome.CREATED)
                if same_key:
                    self._remark(incoming.number, Remark(Problem.SHARED_CONTROL_NUMBER, {"key": incoming.key}))
                if incoming.key:
                    fresh[incoming.key].append(arrived)
                self.creations.append((incoming, self._fitted(incoming)))

    def _arrived(self, incoming: Incoming) -> Candidate:
        """What to compare of the book that arrives."""
        ready = self.ready[incoming.number]
        return Candidate(-incoming.number, ready.title, ready.year, ready.isbns)

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

    def _fitted(self, incoming: Incoming) -> Ready:
        """What is ready of the record; what had to be cut for that is remarked upon."""
        ready = self.ready[incoming.number]
        for cut in ready.cuts:
            self._remark(incoming.number, cut)
        return ready

    # --- Writing ---
    def _change(self) -> Names:
        """Bring the books that are there to what their records say; the names of all books of the batch."""
        changes = self._merged()
        names = look_up(
            [*(ready.named for _, ready in self.creations), *(named(wanted) for _, wanted in changes.values())],
            self.progress.names,
        )
        if changes:
            update_books(changes, names=names, now=self.now)
        if self.changes:
            sources = [(book_id, incoming, self.ready[incoming.number]) for book_id, incoming in self.changes.items()]
            replace_sources(sources, run=self.run, now=self.now)
        return names

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
            book = book_of_arrival(incoming, self._fitted(incoming))
            after, kept = merged(current[book_id], book, base, incoming.fields)
            if kept:
                self._remark(incoming.number, Remark(Problem.EDITS_KEPT, {"fields": kept}))
            self.former[book_id] = former_state(current[book_id], after, sources.get(book_id), incoming)
            result = self.results[incoming.number]
            result.before, result.becomes = current[book_id], partial(_itself, after)
            if after != current[book_id]:
                result.outcome = Outcome.UPDATED
                wanted[book_id] = (current[book_id], after)
        return wanted

    def _write_copies(self) -> list[Made]:
        if not self.copies.is_wanted:
            return []
        wanted: list[Wanted] = []
        uids = random_uids()
        for incoming in self.batch:
            result, ready = self.results[incoming.number], self.ready.get(incoming.number)
            if ready is None or result.outcome == Outcome.REJECTED:
                continue
            if result.outcome == Outcome.UNCHANGED and incoming.format not in ("", SourceRecord.Format.TABLE):
                continue
            book_id = result.book_id or self.results[self.twins[incoming.number]].book_id
            given: Sequence[ReadyCopy] = ready.copies
            if not given and result.outcome == Outcome.CREATED:
                usual = CopyData(shelf_mark=ready.call_number)
                given = [ready_copy(usual, next(uids)) for _ in range(self.copies.copies_per_book)]
            if book_id:
                wanted += [Wanted(incoming.number, book_id, ready.material_type, copy) for copy in given]
        if not wanted:
            return []
        made = add_copies(wanted, shelves=Shelves(self.copies, self.progress.told), remark=self._remark)
        for number, count in Counter(copy.number for copy in made).items():
            result = self.results[number]
            result.copies_created = count
            if result.outcome == Outcome.UNCHANGED:
                result.outcome = Outcome.UPDATED
                result.book_id = result.book_id or self.results[self.twins[number]].book_id
        return made

    def _note(self, made: list[Made]) -> None:
        """Write down what is needed to undo this."""
        copies: defaultdict[int, list[int]] = defaultdict(list)
        for copy in made:
            copies[copy.book_id].append(copy.copy_id)
        created = [self.results[incoming.number].book_id or 0 for incoming, _ready in self.creations]
        send_lines(
            ImportedBook,
            ("run_id", "book_id", "at", "copies"),
            (f"{self.run.pk}\t{book_id}\t{self.now}\t{array(copies.pop(book_id, ()))}\n" for book_id in created),
        )
        touched = {book_id: self.former.get(book_id, {}) for book_id in {*self.former, *copies}}
        note_changes(touched, copies=copies, run=self.run, now=self.now)

    def _index(self, names: Names, made: list[Made]) -> None:
        """Have the books found. What the search knows of a new one is at hand, but for other names of its authors."""
        copies: defaultdict[int, list[search.Held]] = defaultdict(list)
        for copy in made:
            copies[copy.book_id].append(copy.held)
        fresh = [
            search.Fresh(
                book_id=self.results[incoming.number].book_id or 0,
                lexemes=ready.lexemes,
                filed=ready.filed,
                created_at=self.now,
                publisher_id=names.publishers[ready.named.publisher[0]] if ready.named.publisher else None,
                series_id=names.series[ready.named.series[0]] if ready.named.series else None,
                genres=[names.genres[folded] for folded, _ in ready.named.genres],
                subjects=[names.subjects[folded] for folded, _ in ready.named.subjects],
                authors=[names.authors[folded, dates] for folded, dates, _role, _name in ready.named.people],
                copies=copies.pop(self.results[incoming.number].book_id or 0, ()),
            )
            for incoming, ready in self.creations
        ]
        known_otherwise = with_other_names(names.authors.values())
        search.enter(book for book in fresh if known_otherwise.isdisjoint(book.authors))
        later = {book.book_id for book in fresh if not known_otherwise.isdisjoint(book.authors)}
        later.update(
            result.book_id for result in self.results.values() if result.book_id and result.outcome == Outcome.UPDATED
        )
        search.index_books(later)


def _itself(book: BookData) -> BookData:
    return book
