"""Copy cataloguing on the panel: search other catalogues, look at a record, take it over."""

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from catalog.admin import source_rows
from catalog.bookdata import BookData, Person
from catalog.forms import page_number
from catalog.import_wording import sentence as remark_in_words
from catalog.imports import Outcome
from catalog.marc.mapping import detected_format
from catalog.marc.record import Record
from catalog.models import Book, Contribution, SourceRecord
from library.core.errors import Busy
from lookup import limits, wording
from lookup.copying import Found, Results, changes, kept_record, search, take_over
from lookup.copying_wording import problems
from lookup.forms import CatalogueSearchForm
from lookup.guard import staff_who_may
from lookup.models import Target


@require_safe
@staff_who_may("catalog.import_book")
def catalogues(request: HttpRequest) -> HttpResponse:
    """The search form and, once it was sent, a page of results."""
    is_asked = any(name in request.GET for name in CatalogueSearchForm.base_fields if name != "target")
    form = CatalogueSearchForm(request.GET if is_asked else None)
    context: dict[str, Any] = {"form": form, "has_targets": Target.objects.filter(is_enabled=True).exists()}
    if is_asked and form.is_valid():
        if limits.is_allowed(request):
            results = search(form.cleaned_data["target"], form.wanted(), page=page_number(request.GET))
            context |= _shown(results)
        else:
            form.add_error(None, wording.too_often())
    return _page(request, "admin/lookup/catalogues.html", _("Copy from other catalogues"), context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_who_may("catalog.import_book")
def record(request: HttpRequest, key: str) -> HttpResponse:
    """One record with all its fields; POST takes it over, `into` the book named there or as a new one."""
    kept = kept_record(key)
    if kept is None:
        messages.error(request, _("This record is not kept any longer. Search for it again."))
        return redirect("copy_catalogues")
    found, incoming = kept
    if request.method == "POST":
        return _take_over(request, found)
    content = Record.from_json(_json(incoming)) if incoming.content else None
    books = sorted(Book.objects.filter(pk__in=found.book_ids), key=lambda book: found.book_ids.index(book.pk))
    alike = [
        {"book": book, "changes": [(label(name), in_words(old), in_words(new)) for name, old, new in rows]}
        for book in books
        for rows in [changes(incoming, book.pk)]
    ]
    context = {
        "found": found,
        "remarks": [remark_in_words(remark) for remark in (*found.remarks, *filter(None, [found.refusal]))],
        "described": _described(found.book),
        "rows": source_rows(_json(incoming)) if incoming.content else [],
        "format": SourceRecord.Format(detected_format(content)).label if content and incoming.format else "",
        "alike": alike,
        "back": request.GET.urlencode(),
    }
    title = found.book.title if found.book else _("Record")
    return _page(request, "admin/lookup/record.html", title, context)


def label(name: str) -> str:
    """A field of a book's description as the panel calls it."""
    named = {"people": _("people"), "isbns": _("ISBN"), "publisher": _("publisher"), "series": _("series")}
    return named.get(name) or str(Book._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def in_words(value: Any) -> str:
    """A value of a book's description, in one line."""
    if isinstance(value, tuple):
        return "; ".join(map(in_words, value))
    if isinstance(value, Person):
        name = f"{value.name}, {value.dates}" if value.dates else value.name
        role = Contribution.Role(value.role)
        return name if role == Contribution.Role.AUTHOR else f"{name} ({role.label})"
    return "" if value is None else str(value)


def _take_over(request: HttpRequest, found: Found) -> HttpResponse:
    chosen = request.POST.get("into", "")
    into = int(chosen) if chosen.isdecimal() and len(chosen) <= 18 and int(chosen) in found.book_ids else None
    try:
        result = take_over(found.key, by=request.user, into=into)
    except Busy:
        messages.error(request, _("Another import is at work. Wait a minute, then try again."))
        return redirect("copy_record", key=found.key)
    except Book.DoesNotExist:
        messages.error(request, _("The book is not there any longer. Look again."))
        return redirect("copy_record", key=found.key)
    if result is None or result.book_id is None:
        words = [remark_in_words(remark) for remark in result.remarks[-1:]] if result else []
        messages.error(request, " ".join([_("The record was not taken over."), *words]))
        return redirect("copy_record", key=found.key)
    said = {
        Outcome.CREATED: _("The book is in the catalogue now. Complete it, then add its copies below."),
        Outcome.UPDATED: _("The book is brought to what the record says."),
        Outcome.UNCHANGED: _("The catalogue has this record already; nothing was changed."),
    }
    messages.success(request, said[Outcome(result.outcome)])
    for remark in result.remarks:
        messages.warning(request, remark_in_words(remark))
    return redirect("admin:catalog_book_change", result.book_id)


def _shown(results: Results) -> dict[str, Any]:
    """A page of results for the template."""
    titles = Book.objects.in_bulk([book_id for found in results.found for book_id in found.book_ids[:1]])
    rows = [
        {
            "found": found,
            "people": "; ".join(person.name for person in found.book.people[:3]) if found.book else "",
            "owned": titles.get(found.book_ids[0]) if found.book_ids else None,
        }
        for found in results.found
    ]
    return {
        "rows": rows,
        "answers": [
            {
                "target": answer.target,
                "total": answer.total,
                "problems": problems(answer),
                "is_asked": not answer.is_unable,
            }
            for answer in results.answers
        ],
        "is_answered": True,
        "page": results.page,
        "pages": results.pages,
        "previous": results.page - 1,
        "following": results.page + 1 if results.page < results.pages else 0,
    }


def _described(book: BookData | None) -> list[tuple[str, str]]:
    if book is None:
        return []
    names = (
        "title subtitle people year place publisher edition pages series series_number isbns language call_number "
        "subjects genres other_titles description"
    )
    shown = [(label(name), in_words(getattr(book, name))) for name in names.split()]
    return [(name, text) for name, text in shown if text]


def _json(incoming: Any) -> Any:
    return json.loads(incoming.content())


def _page(request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    shell = admin.site.each_context(request) | {"title": title, "search_url": reverse("copy_catalogues")}
    return render(request, template, shell | context)
