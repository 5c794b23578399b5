"""The life of an uploaded import: received, checked, started, worked on by one worker at a time, stopped, resumed.

The file lies in the storage until the import is finished. Whatever kills the worker, the next call of `work` goes on
from the last batch that was committed: what is in and how far it got are one commit.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, cast

import structlog
from django.core.files import File
from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from catalog import copy_fields
from catalog.import_copies import copy_options
from catalog.import_reading import Source, batches, records, source_named
from catalog.import_undo import undo
from catalog.imports import Result, Stopped, go_on, import_books
from catalog.marc import encodings, mapping
from catalog.marc.samples import Sample, samples
from catalog.models import ImportRun
from library.core import audit
from library.core.errors import Busy, Invalid
from library.core.jobs import held
from library.core.transactions import one_commit

State = ImportRun.State

PREVIEWED = 500
"""Records of a file that are tried before it is imported."""
KEPT = {State.UPLOADED: timedelta(days=1), State.FAILED: timedelta(days=14), State.CANCELLED: timedelta(days=14)}
"""How long the file of an import that does not go on is kept."""
STARTABLE = (State.UPLOADED, State.FAILED, State.CANCELLED)
UNDER_WAY = (State.WAITING, State.RUNNING)
"""States of an import that a worker takes on or is at."""

log = structlog.get_logger(__name__)


class Preview(NamedTuple):
    """What an import of the first records would come to."""

    run: ImportRun
    """With its counts; it exists no longer."""
    results: list[Result]
    is_whole: bool
    """Whether these were all records of the file."""


# --- What people do ------------------------------------------------------------------------------------------------
def receive(*, upload: File, file_name: str, options: Mapping[str, Any], by: Any, now: datetime) -> ImportRun:
    """Keep an uploaded file, to be checked and started; `options` as in `copy_options`, with encoding and format."""
    run = ImportRun(
        file_name=file_name[-300:],
        state=State.UPLOADED,
        options=dict(options),
        started_by=by,
        started_at=now,
        size=upload.size or 0,
    )
    run.upload.save("records", upload, save=False)
    run.save()
    return run


def start(*, run_id: int, by: Any, now: datetime) -> bool:
    """Let the import begin, or go on after it failed or was stopped; whether there was anything to start."""
    with one_commit():
        startable = ImportRun.objects.filter(pk=run_id, state__in=STARTABLE).exclude(upload="")
        if not startable.update(state=State.WAITING, failure="", finished_at=None):
            return False
        run = ImportRun.objects.get(pk=run_id)
        if not run.read:
            ImportRun.objects.filter(pk=run_id).update(started_by=by, started_at=now)
        audit.record(action="catalog.start_import", subject=run, by=by, now=now, detail={"read": run.read})
        return True


def choose(*, run_id: int, options: Mapping[str, Any]) -> bool:
    """Change the choices of an import that is not started yet; whether there was one."""
    return bool(ImportRun.objects.filter(pk=run_id, state=State.UPLOADED).update(options=dict(options)))


def cancel(*, run_id: int, by: Any, now: datetime) -> bool:
    """Stop the import after the batch at hand; whether it was under way. What is in stays. Raises Busy."""
    with one_commit():
        under_way = ImportRun.objects.filter(pk=run_id, state__in=UNDER_WAY).exclude(upload="")
        if not under_way.update(state=State.CANCELLED):
            return False
        run = ImportRun.objects.get(pk=run_id)
        audit.record(action="catalog.stop_import", subject=run, by=by, now=now, detail={"read": run.read})
        return True


def letters(run: ImportRun) -> list[Sample]:
    """How the first records of a file read in each encoding; [] where there is nothing to choose. Raises OSError."""
    if _source(run).is_table:
        return []
    with opened(run) as stream:
        return samples(stream)


def preview(run: ImportRun) -> Preview:
    """Try the first `PREVIEWED` records and take it all back. Raises Invalid for a file that cannot be read, Busy."""
    results: list[Result] = []
    with opened(run) as stream:
        arrivals = records(stream, _source(run))
        tried = import_books(
            islice(arrivals, PREVIEWED),
            file_name=run.file_name,
            by=run.started_by,
            copies=copy_options(run.options),
            is_trial=True,
            on_batch=lambda _run, batch: results.extend(batch),
        )
        is_whole = len(results) < PREVIEWED or next(arrivals, None) is None
    return Preview(tried, results, is_whole)


# --- What the worker does ------------------------------------------------------------------------------------------
def work(*, clock: Callable[[], datetime] = timezone.now) -> int:
    """Work on every import that waits or was interrupted, one after another; how many came to an end.

    Only one process does so at a time: a second one finds nothing to do and leaves. Raises Busy when an import by
    command does not let this one have its turn: call it again.
    """
    ended = 0
    with held("imports") as is_mine:
        if not is_mine:
            return 0
        _forget_old_uploads(clock())
        while run := _next():
            if run.state == State.UNDOING:
                _take_back(run, clock)
            else:
                _carry_out(run, clock)
            ended += 1
    return ended


def _next() -> ImportRun | None:
    """What was interrupted, else what waits longest."""
    uploaded = Q(state__in=UNDER_WAY) & ~Q(upload="")
    waiting = ImportRun.objects.filter(uploaded | Q(state=State.UNDOING)).select_related("started_by")
    return waiting.order_by("state", "started_at", "pk").first()


def _take_back(run: ImportRun, clock: Callable[[], datetime]) -> None:
    """The undoing of an import; on an error of ours the rest of it stays."""
    with _in_language(run):
        try:
            undo(run, clock=clock)
        except (Busy, OperationalError):
            raise
        except Exception as error:
            log.exception("undoing_failed", run=run.pk)
            ImportRun.objects.filter(pk=run.pk).update(state=State.FAILED, failure=_unexpected(error))
        else:
            log.info("import_undone", run=run.pk, undone=run.undone)
    if run.upload:
        _drop_file(run)


def _in_language(run: ImportRun) -> AbstractContextManager[None]:
    """Words about the import are in the language of who started it."""
    return translation.override(run.started_by.language if run.started_by else None)


def _unexpected(error: Exception) -> str:
    return _("Something unexpected happened: %(detail)s") % {"detail": f"{type(error).__name__}: {error}"[:500]}


def _carry_out(run: ImportRun, clock: Callable[[], datetime]) -> None:
    """The import, to its end or to what stops it."""
    under_way = ImportRun.objects.filter(pk=run.pk, state__in=UNDER_WAY)
    if not under_way.update(state=State.RUNNING):
        return
    run.state = State.RUNNING
    with _in_language(run):
        try:
            with opened(run) as stream:
                copies = copy_options(run.options)
                go_on(run, batches(stream, _source(run), size=run.size), copies=copies, clock=clock)
        except Stopped:
            log.info("import_stopped", run=run.pk, read=run.read)
            return
        except (Busy, OperationalError):
            raise
        except Invalid as error:
            words = " ".join(str(message) for messages in error.errors.values() for message in messages)
        except OSError as error:
            words = _("The file cannot be read: %(detail)s") % {"detail": error.strerror or type(error).__name__}
        except Exception as error:
            log.exception("import_failed", run=run.pk)
            words = _unexpected(error)
        else:
            _drop_file(run)
            log.info("import_finished", run=run.pk, read=run.read, created=run.created, rejected=run.rejected)
            return
    under_way.update(state=State.FAILED, failure=words)


def _source(run: ImportRun) -> Source:
    return source_named(
        run.file_name,
        encoding=run.options.get("encoding", encodings.AUTO),
        format=run.options.get("format", mapping.AUTO),
        copy_field=run.options.get("copy_field", copy_fields.AUTO),
    )


@contextmanager
def opened(run: ImportRun) -> Iterator[BinaryIO]:
    """The uploaded file; raises OSError when it is gone."""
    with run.upload.storage.open(str(run.upload.name)) as upload:
        yield cast(BinaryIO, upload.file)


def _drop_file(run: ImportRun) -> None:
    """Forget the file, then delete it: nobody looks for a file that is gone."""
    name, storage = str(run.upload.name), run.upload.storage
    ImportRun.objects.filter(pk=run.pk).update(upload="")
    transaction.on_commit(lambda: storage.delete(name))


def _forget_old_uploads(now: datetime) -> None:
    """Files of imports that do not go on; an upload that was never started leaves nothing."""
    for state, age in KEPT.items():
        for run in ImportRun.objects.filter(state=state, started_at__lt=now - age).exclude(upload=""):
            _drop_file(run)
            if state == State.UPLOADED:
                run.delete()
