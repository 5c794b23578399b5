"""Imports on the panel: what an upload would change, how far its import is, what came of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import ChoiceField, ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from catalog import import_reports, import_runs, import_undo
from catalog.bookdata import DESCRIBING, BookData
from catalog.import_admin import words_of
from catalog.import_forms import Choices
from catalog.import_wording import sentence
from catalog.imports import COUNTED, Outcome, Result
from catalog.marc import encodings
from catalog.merging import comparable
from catalog.models import Book, ImportRun
from catalog.problems import Problem, Remark
from catalog.resources import joined
from catalog.tasks import work_soon
from library.core.errors import Busy, Invalid, Refused
from library.core.templatetags.design import status

State = ImportRun.State

SHOWN = 100
"""Records that the preview shows in full."""
SHOWN_REMARKS = 40
"""Remarks on the page of an import."""
SIGNS = {
    State.UPLOADED: "info",
    State.WAITING: "quiet",
    State.RUNNING: "info",
    State.FINISHED: "good",
    State.FAILED: "bad",
    State.CANCELLED: "warn",
    State.UNDOING: "info",
    State.UNDONE: "quiet",
}
SILENCE = timedelta(minutes=3)
"""An import that commits nothing for so long is no longer at work."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is."""

    percent: int | None
    """Of the file's bytes; None: nobody knows."""
    per_second: int
    """Records, in the present stretch of work."""
    left: timedelta | None
    """How long it will still take at this pace."""


def progress(run: ImportRun) -> Progress:
    """How far the import is, by the last batch that was committed."""
    if run.state == State.UNDOING:
        return Progress(100 * run.undone // max(1, run.to_undo), 0, None)
    percent = min(100, 100 * run.position // run.size) if run.size and run.position else None
    until = run.heard_of_at or run.finished_at
    if not run.resumed_at or not until or until <= run.resumed_at:
        return Progress(percent, 0, None)
    seconds = (until - run.resumed_at).total_seconds()
    rate = (run.read - run.read_before) / seconds
    left = None
    if rate and run.position and run.state == State.RUNNING:
        records_left = max(0, run.size - run.position) * run.read / run.position
        left = timedelta(seconds=round(records_left / rate))
    return Progress(percent, round(rate), left)


@admin.register(ImportRun)
class ImportRunAdmin(admin.ModelAdmin):
    """What is and was imported, by whom, with what outcome."""

    list_display = ("file_name", "state_sign", "started_at", "started_by", "read", *Outcome, "copies_created")
    list_filter = ("state",)
    list_select_related = ("started_by",)
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Imports are made by importing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        """Imports are history."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        """Imports are history."""
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Whether the user may start and stop imports of books."""
        return request.user.has_perm("catalog.import_book")

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_sign(self, run: ImportRun) -> SafeString:
        """The state as a sign."""
        return _sign(run)

    def get_urls(self) -> list[URLPattern]:
        """The pages of one import besides the stock ones."""
        views = {
            "start": require_POST(self.start_view),
            "stop": require_POST(self.stop_view),
            "undo": self.undo_view,
            "remarks": self.remarks_view,
            "rejected": self.rejected_view,
        }
        pages = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"catalog_importrun_{name}")
            for name, view in views.items()
        ]
        return [*pages, *super().get_urls()]

    # --- The page ---
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Before the start what would change; from then on how far it is. To htmx only the part that moves."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = ImportRun.objects.select_related("started_by").filter(pk=_number(object_id)).first()
        if run is None:
            messages.warning(request, _("There is no such import."))
            return redirect("admin:catalog_importrun_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": run.file_name,
            "run": run,
            "may_import": self.has_import_permission(request),
        }
        if run.state == State.UPLOADED:
            return TemplateResponse(request, "admin/catalog/importrun/check.html", {**context, **_preview(run)})
        context |= _page(run, said=request.GET.get("said", ""))
        name = "live" if request.headers.get("HX-Request") else "run"
        response = TemplateResponse(request, f"admin/catalog/importrun/{name}.html", context)
        response["Vary"] = "HX-Request"
        return response

    # --- Buttons ---
    def start_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep the choices, then start the import or show again what it would change."""
        run = self._run(request, pk)
        if run.state == State.UPLOADED:
            form = Choices(request.POST)
            if not form.is_valid():
                for errors in form.errors.values():
                    messages.error(request, " ".join(map(str, errors)))
                return redirect("admin:catalog_importrun_change", pk)
            import_runs.choose(run_id=pk, options=form.options())
        if "again" not in request.POST:
            if import_runs.start(run_id=pk, by=request.user, now=timezone.now()):
                transaction.on_commit(work_soon)
            else:
                messages.warning(request, _("There is nothing to start here any longer."))
        return redirect("admin:catalog_importrun_change", pk)

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop the import."""
        self._run(request, pk)
        try:
            if not import_runs.cancel(run_id=pk, by=request.user, now=timezone.now()):
                messages.warning(request, _("This import was over already."))
        except Busy:
            messages.error(request, _("The import is busy just now. Stop it again in a few seconds."))
        return redirect("admin:catalog_importrun_change", pk)

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What undoing would do and what is in its way; with POST it is begun."""
        run = self._run(request, pk)
        if request.method == "POST":
            try:
                import_undo.request_undo(run_id=pk, by=request.user, now=timezone.now())
            except Refused:
                return redirect("admin:catalog_importrun_undo", pk)
            except Busy:
                messages.error(request, _("The import is busy just now. Try again in a few seconds."))
            else:
                transaction.on_commit(work_soon)
            return redirect("admin:catalog_importrun_change", pk)
        whole = import_undo.extent(run)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Undo this import?"),
            "run": run,
            "counts": [
                (_("Books removed"), whole.removed),
                (_("Copies removed"), whole.copies),
                (_("Books brought back to what they were"), whole.restored),
            ],
            "obstacles": [(pk, import_undo.words(reason, {"title": title})) for pk, title, reason in whole.obstacles],
            "has_more": whole.has_more,
            "shown": import_undo.SHOWN,
            "is_undoable": run.state in import_undo.UNDOABLE and bool(whole.removed or whole.restored),
        }
        return TemplateResponse(request, "admin/catalog/importrun/undo.html", context)

    def _run(self, request: HttpRequest, pk: int) -> ImportRun:
        if not self.has_import_permission(request):
            raise PermissionDenied
        return get_object_or_404(ImportRun, pk=pk)

    # --- Downloads ---
    def remarks_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """Every remark as a table."""
        run = self._seen(request, pk)
        response = StreamingHttpResponse(import_reports.remarks_table(run), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="import-{pk}-remarks.csv"'
        return response

    def rejected_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """The rejected MARC records as a file, to be mended and imported again."""
        run = self._seen(request, pk)
        records = import_reports.rejected_records(run)
        if records is None:
            raise Http404
        response = StreamingHttpResponse(records.content, content_type=records.content_type)
        response["Content-Disposition"] = f'attachment; filename="import-{pk}-rejected.{records.suffix}"'
        return response

    def _seen(self, request: HttpRequest, pk: int) -> ImportRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(ImportRun, pk=pk)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _sign(run: ImportRun) -> SafeString:
    return status(SIGNS[State(run.state)], run.get_state_display())


def _page(run: ImportRun, *, said: str) -> dict[str, Any]:
    """What the page of an import says, and whether it will say something else soon."""
    how_far = progress(run)
    is_undoing = run.state == State.UNDOING
    is_live = is_undoing or (run.state in import_runs.UNDER_WAY and bool(run.upload or run.state == State.RUNNING))
    is_silent = run.state == State.RUNNING and (run.heard_of_at or run.started_at) < timezone.now() - SILENCE
    tens = "" if how_far.percent is None else str(how_far.percent // 10 * 10)
    telling = f"{run.state}{tens if run.state in (State.RUNNING, State.UNDOING) else ''}"
    remarks = [
        (remark.record, remark.is_refusal, sentence(Remark(Problem(remark.problem), remark.data)))
        for remark in run.remarks.order_by("-is_refusal", "pk").defer("raw")[: SHOWN_REMARKS + 1]
    ]
    return {
        "sign": _sign(run),
        "progress": how_far,
        "left_words": _duration(how_far.left) if how_far.left else "",
        "counts": figures(counts_of(run)),
        "is_live": is_live and not is_silent,
        "is_silent": is_silent,
        "telling": telling,
        "is_news": telling != said,
        "tens": tens,
        "remarks": remarks[:SHOWN_REMARKS],
        "has_more_remarks": len(remarks) > SHOWN_REMARKS,
        "shown": SHOWN_REMARKS,
        "has_rejected_records": bool(run.rejected) and import_reports.has_rejected_records(run),
        "may_resume": bool(run.upload) and run.state in import_runs.STARTABLE,
        "may_stop": is_live and bool(run.upload) and not is_undoing,
        "may_undo": run.state in import_undo.UNDOABLE and run.books.exists(),
        "choices": "; ".join(_choices(run)),
    }


def _choices(run: ImportRun) -> Iterator[str]:
    """What the operator chose, as the upload form calls it; what is «as found» is left out."""
    fields = Choices.base_fields
    for name, value in run.options.items():
        if name == "no_copies":
            yield _("no copies")
        elif value != "auto":
            yield f"{fields[name].label if name in fields else name}: {_choice(fields.get(name), value)}"


def _choice(field: Any, value: Any) -> str:
    """What was chosen, in the form's words."""
    if isinstance(field, ModelChoiceField) and field.queryset is not None:
        column = field.to_field_name or "pk"
        return str(field.queryset.filter(**{column: value}).first() or value)
    choices: Any = field.choices if isinstance(field, ChoiceField) else ()
    return str(dict(choices).get(value, value))


def _duration(time: timedelta) -> str:
    """«40 s», «3 min», «2 h 5 min»: no more than anybody can know."""
    seconds = int(time.total_seconds())
    if seconds < 60:
        return _("%(count)d s") % {"count": max(1, seconds)}
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return _("%(count)d min") % {"count": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}


# --- Before the start ----------------------------------------------------------------------------------------------
def _preview(run: ImportRun) -> dict[str, Any]:
    """What the page of an import that is not started yet says."""
    context: dict[str, Any] = {"form": Choices(initial=Choices.choices_of(run.options)), "shown": SHOWN}
    try:
        letters = import_runs.letters(run)
        preview = import_runs.preview(run)
    except (Invalid, Busy, OSError) as error:
        return context | {"problems": words_of(error), "is_busy": isinstance(error, Busy)}
    chosen = run.options.get("encoding", encodings.AUTO)
    if letters:
        del context["form"].fields["encoding"]  # chosen by its letters
        if all(chosen != sample.choice for sample in letters):  # it reads as what was found
            letters[0] = letters[0]._replace(choice=chosen, encoding=chosen)
    return context | {
        "letters": letters,
        "encoding": chosen,
        "counts": figures(counts_of(preview.run)),
        "preview": list(_shown_records(preview.results)),
        "is_whole": preview.is_whole,
        "previewed": import_runs.PREVIEWED,
    }


def counts_of(run: ImportRun) -> dict[str, int]:
    """The counts of an import by name."""
    return {name: getattr(run, name) for name in COUNTED}


def figures(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The counts with their names."""
    names = {
        "read": _("Records read"),
        "created": _("New books"),
        "updated": _("Changed books"),
        "unchanged": _("Unchanged books"),
        "rejected": _("Rejected records"),
        "remarked": _("With remarks"),
        "copies_created": _("New copies"),
    }
    return [(names[name], count) for name, count in counts.items()]


def _shown_records(outcomes: Iterable[Result]) -> Iterator[dict[str, Any]]:
    """The records that change something or have a remark, rejected ones first; at most `SHOWN`."""
    order = {Outcome.REJECTED: 0, Outcome.UPDATED: 1, Outcome.CREATED: 2, Outcome.UNCHANGED: 3}
    telling = [each for each in outcomes if each.outcome != Outcome.UNCHANGED or each.remarks]
    for each in sorted(telling, key=lambda result: order[result.outcome])[:SHOWN]:
        yield {
            "number": each.number,
            "outcome": each.outcome.value,
            "title": each.after.title if each.after else "",
            "changes": list(_changes(each.before or BookData(), each.after)) if each.after else [],
            "copies": each.copies_created,
            "remarks": [sentence(remark) for remark in each.remarks],
        }


def _changes(before: BookData, after: BookData) -> Iterator[tuple[str, str, str]]:
    """Field, what it was, what it will be."""
    for name in DESCRIBING:
        if comparable(name, before) != comparable(name, after):
            yield _label(name), _shown(getattr(before, name)), _shown(getattr(after, name))


def _label(name: str) -> str:
    """The field as the model calls it."""
    own = {"people": _("people"), "isbns": _("ISBN"), "genres": _("genres"), "subjects": _("subjects")}
    return own.get(name) or str(Book._meta.get_field(name).verbose_name)  # type: ignore[union-attr] # a column of its own


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        value = joined(str(getattr(each, "name", each)) for each in value)
    text = "" if value is None else str(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
