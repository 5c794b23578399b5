"""The panel's side of import and export: mixins for the lists of books and copies, and the list of imports."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from import_export.admin import ImportMixin
from import_export.results import Result, RowResult
from import_export.tmp_storages import CacheStorage

from catalog.bookdata import DESCRIBING, BookData
from catalog.exports import Schema, TooLongBook, iso2709, marcxml
from catalog.import_forms import BookConfirmForm, BookUploadForm, UploadForm
from catalog.import_wording import sentence, summary
from catalog.imports import Outcome
from catalog.imports import Result as ImportResult
from catalog.merging import comparable
from catalog.models import Book, Copy, ImportRun
from catalog.problems import Problem, Remark
from catalog.resources import BookFile, BookResource, BookResult, CopyFile, CopyResource, SafeCSV, SafeXLSX, joined
from library.core.errors import Busy, Invalid

Response = TypeVar("Response", bound=HttpResponseBase)
SHOWN = 100
"""Records that the preview shows in full."""
BOOK_EXPORTS = ("export_marc21", "export_marc21_xml", "export_rusmarc", "export_csv", "export_xlsx")
COPY_EXPORTS = ("export_csv", "export_xlsx")
"""Actions of the lists."""
COUNTS = ("read", *Outcome, "copies_created")


class UploadGone(Exception):
    """The preview is older than a day: its upload is not kept any longer."""


class UploadStorage(CacheStorage):
    """Uploads between preview and confirmation, for a day, where every process of the library finds them."""

    def read(self) -> bytes:
        """The uploaded bytes; raises UploadGone."""
        content: bytes | None = super().read()
        if content is None:
            raise UploadGone
        return content


class Uploading(ImportMixin):
    """An upload with its preview on our own page, kept between the two steps where every server finds it."""

    import_template_name = "admin/catalog/import.html"
    import_export_change_list_template = None
    tmp_storage_class = UploadStorage
    skip_admin_log = True

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The upload, then its preview or what is wrong with the whole file."""
        response: TemplateResponse = super().import_action(request, **kwargs)
        context = response.context_data or {}
        if result := context.get("result"):
            context["base_messages"] = [words for error in result.base_errors for words in words_of(error.error)]
            context["row_messages"] = list(_row_messages(result))[:SHOWN]
            context["counts"], context["preview"] = self.previewed(result)
            context["shown"] = SHOWN
        response.context_data = context
        return response

    def previewed(self, result: Result) -> tuple[list[tuple[str, int]], list[dict[str, Any]]]:
        """Figures with their names, and what would happen to each row, as the template wants it."""
        raise NotImplementedError

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The import itself, once the preview was found right."""
        try:
            answer: HttpResponse = super().process_import(request, **kwargs)
        except UploadGone:
            messages.error(request, _("The file is not kept any longer. Choose it again."))
            return HttpResponseRedirect(reverse("admin:{}_{}_import".format(*self.get_model_info())))
        return answer

    def add_data_read_fail_error_to_form(self, form: forms.Form, e: Exception) -> None:
        """A file that is no table says so in words."""
        for words in words_of(e):
            form.add_error("import_file", words)


class BookImportExport(Uploading):
    """Books: the upload with its preview, and the selected ones as MARC records or as a table."""

    resource_classes = [BookResource]
    import_formats = [BookFile]
    import_form_class = BookUploadForm
    confirm_form_class = BookConfirmForm

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Importing is a right of its own."""
        return request.user.has_perm("catalog.import_book")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Taking many books away at once is a right of its own."""
        return request.user.has_perm("catalog.export_book")

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        """The operator's choices, for the resource."""
        return {"options": kwargs["form"].options()}

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        """The choices of the first step."""
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if import_form is not None:
            initial |= {name: import_form.cleaned_data[name] for name in BookUploadForm.choice_names}
        return initial

    def previewed(self, result: BookResult) -> tuple[list[tuple[str, int]], list[dict[str, Any]]]:
        """What the import would do to each record."""
        if result.run is None:
            return [], []
        return _figures(counts_of(result.run)), list(_preview(result.outcomes))

    def process_result(self, result: BookResult, request: HttpRequest) -> HttpResponse:
        """On to what became of it."""
        if result.run is None:
            for error in result.base_errors:
                for words in words_of(error.error):
                    messages.error(request, words)
            return HttpResponseRedirect(reverse("admin:catalog_book_import"))
        messages.success(request, summary(counts_of(result.run)))
        if request.user.has_perm("catalog.view_importrun"):
            return HttpResponseRedirect(reverse("admin:catalog_importrun_change", args=[result.run.pk]))
        return HttpResponseRedirect(reverse("admin:catalog_book_changelist"))

    @admin.action(description=gettext_lazy("Export as MARC21 (ISO 2709)"), permissions=["export"])
    def export_marc21(self, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse | None:
        """The selected books as a .mrc file."""
        return _iso2709(request, queryset, Schema.MARC21)

    @admin.action(description=gettext_lazy("Export as MARC21 (XML)"), permissions=["export"])
    def export_marc21_xml(self, request: HttpRequest, queryset: QuerySet[Book]) -> StreamingHttpResponse:
        """The selected books as MARCXML."""
        response = StreamingHttpResponse(marcxml(_ids(queryset), Schema.MARC21), content_type="application/xml")
        return _as_file(response, "books.xml")

    @admin.action(description=gettext_lazy("Export as RUSMARC (ISO 2709)"), permissions=["export"])
    def export_rusmarc(self, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse | None:
        """The selected books as a RUSMARC .mrc file."""
        return _iso2709(request, queryset, Schema.RUSMARC)

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["export"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse:
        """The selected books as a table that may be edited and imported again."""
        return _table(BookResource().export(Book.objects.filter(pk__in=_ids(queryset))), "books.csv")

    @admin.action(description=gettext_lazy("Export as Excel"), permissions=["export"])
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet[Book]) -> HttpResponse:
        """The same as a workbook."""
        return _table(BookResource().export(Book.objects.filter(pk__in=_ids(queryset))), "books.xlsx")


class CopyImportExport(Uploading):
    """Copies: the upload of a table with its preview, and the selected ones as a table."""

    resource_classes = [CopyResource]
    import_formats = [CopyFile]
    import_form_class = UploadForm

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Importing is a right of its own."""
        return request.user.has_perm("catalog.import_copy")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Taking many copies away at once is a right of its own."""
        return request.user.has_perm("catalog.export_copy")

    def previewed(self, result: Result) -> tuple[list[tuple[str, int]], list[dict[str, Any]]]:
        """What the import would do to each row; numbers are those that a spreadsheet shows."""
        totals = result.totals
        figures = [
            (_("Rows"), result.total_rows),
            (_("New copies"), totals[RowResult.IMPORT_TYPE_NEW]),
            (_("Changed copies"), totals[RowResult.IMPORT_TYPE_UPDATE]),
            (_("Unchanged copies"), totals[RowResult.IMPORT_TYPE_SKIP]),
        ]
        telling = [(number, row) for number, row in enumerate(result.rows, start=2) if row.is_new() or row.is_update()]
        uids = [after for _number, row in telling[:SHOWN] for name, _before, after in row.diff if name == "book"]
        titles = {str(uid): title for uid, title in Book.objects.filter(uid__in=uids).values_list("uid", "title")}
        shown = [
            {
                "number": number,
                "outcome": Outcome.CREATED if row.is_new() else Outcome.UPDATED,
                "title": row.object_repr or "",
                "changes": [(_copy_label(name), before, titles.get(after, after)) for name, before, after in row.diff],
            }
            for number, row in telling[:SHOWN]
        ]
        return figures, shown

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["export"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Copy]) -> HttpResponse:
        """The selected copies as a table that may be edited and imported again."""
        return _table(CopyResource().export(queryset), "copies.csv")

    @admin.action(description=gettext_lazy("Export as Excel"), permissions=["export"])
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet[Copy]) -> HttpResponse:
        """The same as a workbook."""
        return _table(CopyResource().export(queryset), "copies.xlsx")


@admin.register(ImportRun)
class ImportRunAdmin(admin.ModelAdmin):
    """What was imported, by whom, with what outcome and what remarks."""

    list_display = ("file_name", "started_at", "started_by", "is_finished", "read", *Outcome, "copies_created")
    list_select_related = ("started_by",)
    list_per_page = 50
    fields = ("file_name", ("started_at", "finished_at"), "started_by", "choices", "outcome", "all_remarks")
    readonly_fields = ("file_name", "started_at", "finished_at", "started_by", "choices", "outcome", "all_remarks")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Imports are made by importing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        """Imports are history."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        """Imports are history."""
        return False

    @admin.display(description=gettext_lazy("finished"), boolean=True)
    def is_finished(self, run: ImportRun) -> bool:
        """Whether the import came to its end."""
        return run.finished_at is not None

    @admin.display(description=gettext_lazy("options"))
    def choices(self, run: ImportRun) -> str:
        """What the operator chose."""
        return ", ".join(f"{name}: {value}" for name, value in run.options.items()) or "—"

    @admin.display(description=gettext_lazy("outcome"))
    def outcome(self, run: ImportRun) -> str:
        """The counts."""
        return summary(counts_of(run))

    @admin.display(description=gettext_lazy("remarks"))
    def all_remarks(self, run: ImportRun) -> SafeString | str:
        """Every remark that was kept, in words."""
        if not run.remarks:
            return "—"
        lines = ((entry["record"], sentence(Remark(Problem(entry["problem"]), entry["data"]))) for entry in run.remarks)
        return format_html("<ol class='import-remarks'>{}</ol>", format_html_join("", "<li value='{}'>{}</li>", lines))


def words_of(error: Exception) -> list[str]:
    """What went wrong with a whole file, in sentences."""
    if isinstance(error, Invalid):
        return [str(message) for messages_ in error.errors.values() for message in messages_]
    if isinstance(error, ValidationError):
        return [str(message) for message in error.messages]
    if isinstance(error, Busy):
        return [_("Another import is at work. Wait a minute, then try again.")]
    return [_("The file cannot be read: %(detail)s") % {"detail": error}]


def counts_of(run: ImportRun) -> dict[str, int]:
    """The counts of an import by name."""
    return {name: getattr(run, name) for name in COUNTS}


def _figures(counts: dict[str, int]) -> list[tuple[str, int]]:
    names = {
        "read": _("Records read"),
        "created": _("New books"),
        "updated": _("Changed books"),
        "unchanged": _("Unchanged books"),
        "rejected": _("Rejected records"),
        "copies_created": _("New copies"),
    }
    return [(names[name], count) for name, count in counts.items()]


def _row_messages(result: Result) -> Iterator[str]:
    """What is wrong with single rows, by the numbers that a spreadsheet shows."""
    for row in result.invalid_rows:
        for name, problems in row.field_specific_errors.items():
            for problem in problems:
                yield _("Row %(number)d, %(column)s: %(problem)s") % {
                    "number": row.number + 1,
                    "column": _copy_label(name),
                    "problem": problem,
                }
        for problem in row.non_field_specific_errors:
            yield _("Row %(number)d: %(problem)s") % {"number": row.number + 1, "problem": problem}
    for number, errors in result.row_errors():
        for error in errors:
            yield _("Row %(number)d: %(problem)s") % {"number": number + 1, "problem": error.error}


def _copy_label(name: str) -> str:
    """The column as the model calls it."""
    return str(Copy._meta.get_field(name).verbose_name)  # type: ignore[union-attr] # a column of its own


def _preview(outcomes: Iterable[ImportResult]) -> Iterator[dict[str, Any]]:
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


def _ids(queryset: QuerySet[Book]) -> list[int]:
    return list(queryset.order_by("sort_title", "pk").values_list("pk", flat=True))


def _iso2709(request: HttpRequest, queryset: QuerySet[Book], schema: Schema) -> HttpResponse | None:
    """The books as a file, unless some are too long for it: then they are named and nothing is sent."""
    too_long: list[TooLongBook] = []
    content = b"".join(iso2709(_ids(queryset), schema, too_long))
    if too_long:
        words = ngettext(
            "%(count)d record is longer than ISO 2709 allows (99,999 bytes): %(titles)s. Export it as XML.",
            "%(count)d records are longer than ISO 2709 allows (99,999 bytes): %(titles)s. Export them as XML.",
            len(too_long),
        )
        titles = "; ".join(book.title[:80] for book in too_long[:5])
        messages.error(request, words % {"count": len(too_long), "titles": titles})
        return None
    return _as_file(HttpResponse(content, content_type="application/marc"), f"books-{schema}.mrc")


def _table(table: Any, name: str) -> HttpResponse:
    kind = SafeCSV() if name.endswith(".csv") else SafeXLSX()
    return _as_file(HttpResponse(kind.export_data(table), content_type=kind.get_content_type()), name)


def _as_file(response: Response, name: str) -> Response:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
