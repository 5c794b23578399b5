"""The panel's side of import and export: mixins for the lists of books and copies."""

from collections.abc import Iterator
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from import_export.admin import ImportMixin
from import_export.results import Result, RowResult
from import_export.tmp_storages import CacheStorage

from catalog.exports import Schema, TooLongBook, iso2709, marcxml
from catalog.import_forms import BookUploadForm, UploadForm
from catalog.import_runs import receive
from catalog.imports import Outcome
from catalog.models import Book, Copy
from catalog.resources import BOOK_COLUMNS, BookResource, CopyFile, CopyResource, SafeCSV, SafeXLSX
from library.core.errors import Busy, Invalid

Response = TypeVar("Response", bound=HttpResponseBase)
SHOWN = 100
"""Records that the preview shows in full."""
BOOK_EXPORTS = ("export_marc21", "export_marc21_xml", "export_rusmarc", "export_csv", "export_xlsx")
COPY_EXPORTS = ("export_csv", "export_xlsx")
"""Actions of the lists."""


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

    import_template_name = "admin/catalog/import_copies.html"
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


class BookImportExport(admin.ModelAdmin):
    """Books: the way to the upload, and the selected ones as MARC records or as a table."""

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Importing is a right of its own."""
        return request.user.has_perm("catalog.import_book")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Taking many books away at once is a right of its own."""
        return request.user.has_perm("catalog.export_book")

    def get_urls(self) -> list[URLPattern]:
        """The upload besides the stock pages."""
        upload = path("import/", self.admin_site.admin_view(self.upload_view), name="catalog_book_import")
        return [upload, *super().get_urls()]

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """A file of books with the choices for it; on to its import, which is not started yet."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = BookUploadForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            upload = form.cleaned_data["import_file"]
            run = receive(
                upload=upload, file_name=upload.name, options=form.options(), by=request.user, now=timezone.now()
            )
            return redirect("admin:catalog_importrun_change", run.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import"),
            "opts": self.opts,
            "form": form,
            "columns": BOOK_COLUMNS,
        }
        return TemplateResponse(request, "admin/catalog/import.html", context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list with its way to the upload."""
        may = {"has_import_permission": self.has_import_permission(request)}
        return super().changelist_view(request, {**may, **(extra_context or {})})

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


def words_of(error: Exception) -> list[str]:
    """What went wrong with a whole file, in sentences."""
    if isinstance(error, Invalid):
        return [str(message) for messages_ in error.errors.values() for message in messages_]
    if isinstance(error, ValidationError):
        return [str(message) for message in error.messages]
    if isinstance(error, Busy):
        return [_("Another import is at work. Wait a minute, then try again.")]
    return [_("The file cannot be read: %(detail)s") % {"detail": error}]


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
