"""The panel's pages for books, copies and the names they share."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, IntegerField, Model, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower
from django.forms import BaseModelFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from catalog import actions
from catalog.availability import ON_SHELF, main_names
from catalog.batch_admin import ChangingMany
from catalog.card_admin import PrintsCatalogueCards
from catalog.copy_admin import AddsCopies, ManyCopies
from catalog.copy_field_admin import CopyFieldMappingAdmin as CopyFieldMappingAdmin
from catalog.cover_images import drop_cover, put_cover
from catalog.duplicates import tell_apart
from catalog.forms import BookForm, CopyForm, IsbnForm, NamedThingForm
from catalog.import_admin import BOOK_EXPORTS, COPY_EXPORTS, BookImportExport, CopyImportExport
from catalog.import_run_admin import ImportRunAdmin as ImportRunAdmin
from catalog.merge_admin import Merging
from catalog.models import (
    Author,
    AuthorName,
    Book,
    Contribution,
    Copy,
    Genre,
    Isbn,
    NamedThing,
    Publisher,
    Series,
    SourceRecord,
    Subject,
)
from catalog.new_names import ContributionForm, KeySelect, NameField, NameSelect, NamesField, NamesSelect, save_chosen
from catalog.queries import CAP, GONE, matching_books
from catalog.query_language import clean
from catalog.search import index_books
from catalog.templatetags.catalog import cover, language_label, natural_names
from catalog.volumes import VOLUMES_PER_PAGE, volumes_of
from library.core import audit
from library.core.errors import Busy, Invalid
from library.core.templatetags.design import status
from library.core.text import fold
from policies.models import Branch

MOST_GENRES = 30
"""Genres to filter the list of books by, the most frequent."""
MOST_MARKED = 500
"""Copies whose status one click changes."""
COPY_SIGNS = {
    Copy.Status.AVAILABLE: "good",
    Copy.Status.LOANED: "info",
    Copy.Status.ON_HOLD_SHELF: "info",
    Copy.Status.IN_TRANSIT: "info",
    Copy.Status.ON_ORDER: "quiet",
    Copy.Status.DAMAGED: "warn",
    Copy.Status.LOST: "bad",
    Copy.Status.WITHDRAWN: "quiet",
}


class CappedPaginator(Paginator):
    """Counts no further than `CAP`: the panel pages through that many rows, a search finds the rest."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most `CAP`."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment] # the panel pages through querysets only
        return rows.order_by()[:CAP].count()


class IndexedAdmin(admin.ModelAdmin):
    """A list whose rows books are found by: every change refreshes the index of those books and is audited.

    Django saves a page of the panel in one transaction; the books are locked before anything else, as everywhere.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50

    class Media:
        css = {"all": ("css/catalog-panel.css",)}

    def books_of(self, rows: Iterable[Any]) -> set[int]:
        """Keys of the books that are found by these rows."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Lock the books, then write."""
        self._locked([obj] if change else [])
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[BaseModelFormSet], change: bool) -> None:
        """After the last part is written: index and audit entry."""
        super().save_related(request, form, formsets, change)
        index_books(self.books_of([form.instance]))
        changed = [*form.changed_data, *(formset.prefix for formset in formsets if formset.has_changed())]
        self._record(request, "update" if change else "create", form.instance, {"changed": changed})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """As `delete_queryset`, for one."""
        books = self._locked([obj])
        self._record(request, "delete", obj, {})
        super().delete_model(request, obj)
        index_books(books)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete, and let the books no longer be found by what is gone."""
        rows = list(queryset)
        books = self._locked(rows)
        for row in rows:
            self._record(request, "delete", row, {})
        super().delete_queryset(request, queryset)
        index_books(books)

    def _locked(self, rows: Iterable[Any]) -> set[int]:
        books = self.books_of(rows)
        list(Book.objects.locked().filter(pk__in=books).values_list("pk"))
        return books

    def _record(self, request: HttpRequest, verb: str, row: Any, detail: dict[str, Any]) -> None:
        action = f"catalog.{verb}_{row._meta.model_name}"
        audit.record(action=action, subject=row, by=request.user, now=timezone.now(), detail=detail)


def counted(rows: QuerySet[Any], name: str) -> Coalesce:
    """How many of `rows` belong to each row of a list, by their field `name`: counted for the rows of a page only."""
    counts = rows.filter(**{name: OuterRef("pk")}).order_by().values(name).annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)


def _without_icons(field: Any, keep: str = "") -> Any:
    """A choice without the buttons that add, change, delete and show what is chosen, save for the one to `keep`."""
    for name in {"can_add_related", "can_change_related", "can_delete_related", "can_view_related"} - {keep}:
        if field is not None:
            setattr(field.widget, name, False)
    return field


def _chosen_or_new(db_field: Any, site: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """What makes the form field of a relation to names take new ones, too."""
    if not issubclass(db_field.remote_field.model, NamedThing):
        return {**kwargs, "widget": KeySelect(db_field, site)} if db_field.name == "parent" else kwargs
    form_class, widget = (NamesField, NamesSelect) if db_field.many_to_many else (NameField, NameSelect)
    return {**kwargs, "form_class": form_class, "widget": widget(db_field, site)}


# --- Books -------------------------------------------------------------------------------------------------------


class ContributionInline(admin.TabularInline):
    """Who made the book, in the order of the title page."""

    model = Contribution
    form = ContributionForm
    autocomplete_fields = ("author",)
    fields = ("author", "role", "position")
    extra = 0

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The author may be a new one."""
        return super().formfield_for_foreignkey(db_field, request, **_chosen_or_new(db_field, self.admin_site, kwargs))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A new author can be entered on the spot; nobody is changed or deleted from here."""
        return _without_icons(super().formfield_for_dbfield(db_field, request, **kwargs), keep="can_add_related")


class IsbnInline(admin.TabularInline):
    """ISBNs of the book."""

    model = Isbn
    form = IsbnForm
    fields = ("value", "position")
    extra = 0


class CopyInline(admin.TabularInline):
    """Copies of the book; how they stand is changed at the desk and by the actions of the list of copies."""

    model = Copy
    form = CopyForm
    fields = ("inventory_number", "barcode", "branch", "item_type", "shelf_mark", "state")
    readonly_fields = ("state",)
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Copy]:
        """With what the rows show."""
        copies: QuerySet[Copy] = super().get_queryset(request)
        return copies.select_related("branch", "item_type").order_by("inventory_number")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Branches and item types are chosen here and changed on their own pages."""
        return _without_icons(super().formfield_for_dbfield(db_field, request, **kwargs))

    @admin.display(description=gettext_lazy("status"))
    def state(self, copy: Copy) -> SafeString | str:
        """The status as a sign; a new copy will be available."""
        return copy_sign(copy) if copy.pk else "—"


class GenreFilter(admin.SimpleListFilter):
    """The most frequent genres."""

    title = gettext_lazy("genre")
    parameter_name = "genre"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        genres = Genre.objects.annotate(count=Count("books")).filter(count__gt=0).order_by("-count", "folded_name")
        return [(str(genre.pk), genre.name) for genre in genres[:MOST_GENRES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Book]) -> QuerySet[Book]:
        if (key := self.value() or "").isdecimal():
            return queryset.filter(pk__in=Book.genres.through.objects.filter(genre=int(key[:18])).values("book"))
        return queryset


class LanguageFilter(admin.SimpleListFilter):
    """Languages that books are in."""

    title = gettext_lazy("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Book.objects.exclude(language="").values_list("language").annotate(count=Count("pk")).order_by("-count")
        return [(code, language_label(code)) for code, _count in codes[:MOST_GENRES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Book]) -> QuerySet[Book]:
        return queryset.filter(language=clean(code)) if (code := self.value()) else queryset


class HoldingsFilter(admin.SimpleListFilter):
    """Whether the library has copies, and where."""

    title = gettext_lazy("copies")
    parameter_name = "copies"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        branches = [(str(branch.pk), branch.name) for branch in Branch.objects.all()]
        return [("shelf", _("on the shelf")), ("none", _("without copies")), *branches]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Book]) -> QuerySet[Book]:
        copies = Copy.objects.exclude(status__in=GONE).filter(book=OuterRef("pk"))
        match self.value():
            case "shelf":
                return queryset.filter(Exists(copies.filter(ON_SHELF)))
            case "none":
                return queryset.filter(~Exists(copies))
            case str(branch) if branch.isdecimal():
                return queryset.filter(Exists(copies.filter(branch=int(branch[:18]))))
        return queryset


@admin.register(Book)
class BookAdmin(Merging, ChangingMany, AddsCopies, PrintsCatalogueCards, BookImportExport, IndexedAdmin):
    """Books, with their people, ISBNs and copies on one page."""

    form = BookForm
    actions = ("merge", "change_many", "print_catalogue_cards", *BOOK_EXPORTS)
    inlines = (ContributionInline, IsbnInline, CopyInline)
    list_display = ("title_and_names", "year", "language_name", "material_type", "holdings")
    list_filter = (HoldingsFilter, LanguageFilter, "material_type", GenreFilter)
    list_select_related = False
    search_fields = ("title",)
    search_help_text = gettext_lazy("Title, author, ISBN, inventory number or barcode")
    autocomplete_fields = ("parent", "publisher", "series", "genres", "subjects")
    readonly_fields = ("volume_list", "large_cover", "source_text", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("title", "subtitle", "other_titles", "material_type", "language")}),
        (
            gettext_lazy("Publication"),
            {
                "fields": (
                    ("year", "year_note"),
                    ("place", "publisher"),
                    ("edition", "pages"),
                    ("series", "series_number"),
                )
            },
        ),
        (gettext_lazy("Volumes and issues"), {"fields": (("parent", "volume"), "volume_list")}),
        (gettext_lazy("Content"), {"fields": ("call_number", "genres", "subjects", "description")}),
        (gettext_lazy("Cover"), {"fields": ("large_cover", "new_cover", "remove_cover")}),
        (
            gettext_lazy("Source record"),
            {"fields": ("source_text", ("created_at", "updated_at")), "classes": ("collapse",)},
        ),
    )

    def books_of(self, rows: Iterable[Book]) -> set[int]:
        """The books themselves."""
        return {row.pk for row in rows}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Book]:
        """With people and numbers of copies, in a fixed number of statements."""
        books: QuerySet[Book] = super().get_queryset(request)
        owned = Copy.objects.exclude(status__in=GONE)
        return (
            books.defer("description", "other_titles")
            .annotate(copy_count=counted(owned, "book"), shelf_count=counted(owned.filter(ON_SHELF), "book"))
            .prefetch_related(Prefetch("contributions", Contribution.objects.select_related("author")))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Book], search_term: str
    ) -> tuple[QuerySet[Book], bool]:
        """As readers search; best matches first unless the list is ordered by a column."""
        if not search_term.strip():
            return queryset, False
        found = matching_books(queryset, search_term)
        return (found.order_by(*queryset.query.order_by) if "o" in request.GET else found), False

    def view_on_site(self, book: Book) -> str:
        """The page that readers see."""
        return reverse("book", args=[book.uid])

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Publisher and series may be new ones."""
        return super().formfield_for_foreignkey(db_field, request, **_chosen_or_new(db_field, self.admin_site, kwargs))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Genres and subjects may be new ones."""
        return super().formfield_for_manytomany(db_field, request, **_chosen_or_new(db_field, self.admin_site, kwargs))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """New authors first."""
        if formset.model is Contribution:
            for part in formset.forms:
                save_chosen(part, single=["author"], several=[])
        super().save_formset(request, form, formset, change)

    def save_model(self, request: HttpRequest, obj: Book, form: Any, change: bool) -> None:
        """New names first; also put on or take off the cover, and remember what it is not the same as."""
        save_chosen(form, single=["publisher", "series"], several=["genres", "subjects"])
        super().save_model(request, obj, form, change)
        for other in getattr(form, "alike", ()):
            tell_apart(book_ids=[obj.pk, other.pk], by=request.user, now=timezone.now())
        if picture := form.cleaned_data.get("new_cover"):
            put_cover(obj, picture)
        elif form.cleaned_data.get("remove_cover") and obj.cover:
            drop_cover(obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A volume begins as its set: the same title, language, material and publisher."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        if (key := str(initial.get("parent", ""))).isdecimal():
            shared = ("title", "language", "material_type", "place", "publisher", "series", "call_number")
            initial |= Book.objects.filter(pk=int(key[:18])).values(*shared).first() or {}
        return initial

    @admin.display(description=gettext_lazy("its volumes"))
    def volume_list(self, book: Book) -> SafeString | str:
        """The first volumes of the book, the way to all of them and to a new one."""
        if not book.pk or book.parent_id:
            return "—"
        volumes = list(volumes_of(book).only("title", "volume", "year")[: VOLUMES_PER_PAGE + 1])
        rows = format_html_join(
            "",
            '<li><a href="{}">{}</a> <span class="soft">{}</span></li>',
            (
                (
                    reverse("admin:catalog_book_change", args=[volume.pk]),
                    volume.volume or volume.title,
                    "" if volume.year is None else volume.year,
                )
                for volume in volumes[:VOLUMES_PER_PAGE]
            ),
        )
        every = format_html(
            ' <a href="{}?parent__id__exact={}">{}</a>',
            reverse("admin:catalog_book_changelist"),
            book.pk,
            _("All volumes"),
        )
        return format_html(
            '<ul class="volume-list">{}</ul><p><a href="{}?parent={}">{}</a>{}</p>',
            rows,
            reverse("admin:catalog_book_add"),
            book.pk,
            _("Add a volume or issue"),
            every if volumes else "",
        )

    @admin.display(description=gettext_lazy("cover"))
    def large_cover(self, book: Book) -> SafeString | str:
        """The cover as readers see it."""
        return cover(book, main_names(book), 160) if book.pk else "—"

    @admin.display(description=gettext_lazy("book"), ordering="sort_title")
    def title_and_names(self, book: Book) -> SafeString:
        """The cover as a stamp, the title above the names."""
        names = main_names(book)
        return format_html(
            '<span class="book-cell">{}<span>{}<span class="under">{}</span></span></span>',
            cover(book, names, 40),
            book,
            natural_names(names),
        )

    @admin.display(description=gettext_lazy("language"), ordering="language")
    def language_name(self, book: Book) -> str:
        """The language in words."""
        return language_label(book.language) if book.language else "—"

    @admin.display(description=gettext_lazy("on the shelf"))
    def holdings(self, book: Any) -> SafeString | str:
        """How many copies there are, and how many are there now."""
        if not book.copy_count:
            return "—"
        words = _("%(shelf)d of %(all)d") % {"shelf": book.shelf_count, "all": book.copy_count}
        return status("good" if book.shelf_count else "warn", words)

    @admin.display(description=gettext_lazy("record"))
    def source_text(self, book: Book) -> SafeString | str:
        """The record as it was imported, field by field."""
        record = SourceRecord.objects.filter(book=book.pk).first()
        if record is None:
            return _("Entered by hand.")
        rows = format_html_join(
            "", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', source_rows(record.content)
        )
        return format_html(
            '<p>{}, {}</p><table class="source-record"><tbody>{}</tbody></table>',
            record,
            timezone.localtime(record.imported_at).strftime("%d.%m.%Y %H:%M"),
            rows,
        )


def source_rows(content: Any) -> list[tuple[str, str, str]]:
    """A record as tag, indicators and text: MARC-in-JSON with «$a» before each subfield, or a table row by column."""
    if not (isinstance(content, dict) and isinstance(content.get("fields"), list)):
        return [(str(name), "", str(value)) for name, value in dict(content).items()]
    rows = [("LDR", "", str(content.get("leader", "")))]
    for field in content["fields"]:
        for tag, value in field.items():
            if isinstance(value, dict):
                text = " ".join(f"${code} {data}" for part in value["subfields"] for code, data in part.items())
                rows.append((tag, f"{value.get('ind1', ' ')}{value.get('ind2', ' ')}".replace(" ", "·"), text))
            else:
                rows.append((tag, "", str(value)))
    return rows


# --- Copies ------------------------------------------------------------------------------------------------------


def copy_sign(copy: Copy) -> SafeString:
    """How a copy stands, as icon and word."""
    return status(COPY_SIGNS[Copy.Status(copy.status)], capfirst(copy.get_status_display()))


def _never_deleted(copy: Any) -> str:
    """Why a copy that was lent is not deleted; `times` is the number of its loans."""
    words = ngettext(
        "%(copy)s has been lent (%(count)d loan). Withdraw it instead, and its history stays.",
        "%(copy)s has been lent (%(count)d loans). Withdraw it instead, and its history stays.",
        copy.times,
    )
    return words % {"copy": copy, "count": copy.times}


def _marks(name: str, new: Copy.Status, label: Any) -> Callable[..., None]:
    """An action of the list that gives the chosen copies a status."""

    @admin.action(description=label, permissions=["change"])
    def mark(self: "CopyAdmin", request: HttpRequest, queryset: QuerySet[Copy]) -> None:
        """By the action, one commit a copy; tell what could not be done."""
        done, problems = 0, []
        for copy_id in queryset.order_by("pk").values_list("pk", flat=True)[:MOST_MARKED]:
            try:
                actions.set_copy_status(copy_id=copy_id, status=new, by=request.user, now=timezone.now())
                done += 1
            except Invalid as refusal:
                problems += [message for texts in refusal.errors.values() for message in texts]
            except Busy:
                problems.append(_("Somebody else is changing a copy right now. Try it again."))
        if done:
            words = ngettext("%(count)d copy is marked.", "%(count)d copies are marked.", done)
            messages.success(request, words % {"count": done})
        for problem in list(dict.fromkeys(problems))[:10]:
            messages.error(request, problem)

    mark.__name__ = name
    return mark


@admin.register(Copy)
class CopyAdmin(ChangingMany, ManyCopies, CopyImportExport, IndexedAdmin):
    """Copies. How they stand changes by actions only, and with loans."""

    form = CopyForm
    list_display = ("numbers", "book_title", "branch", "item_type", "state")
    list_filter = ("status", "branch", "item_type", "is_reference_only")
    list_select_related = ("book", "branch", "item_type")
    search_fields = ("barcode",)
    search_help_text = gettext_lazy("Barcode, inventory number, title or author")
    autocomplete_fields = ("book",)
    readonly_fields = ("state",)
    fields = (
        "book",
        ("inventory_number", "barcode"),
        ("branch", "item_type"),
        ("shelf_mark", "is_reference_only"),
        "state",
        ("price", "acquired_on"),
        "note",
    )
    actions = (
        "change_many",
        *COPY_EXPORTS,
        _marks("mark_available", Copy.Status.AVAILABLE, gettext_lazy("Mark as available")),
        _marks("mark_damaged", Copy.Status.DAMAGED, gettext_lazy("Mark as damaged")),
        _marks("mark_on_order", Copy.Status.ON_ORDER, gettext_lazy("Mark as on order")),
        _marks("mark_lost", Copy.Status.LOST, gettext_lazy("Mark as lost")),
        "print_labels",
        "withdraw",
        "restore",
    )

    def books_of(self, rows: Iterable[Copy]) -> set[int]:
        """The copies' books."""
        return {row.book_id for row in rows}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Copy]:
        """Without the heavy columns of the book."""
        copies: QuerySet[Copy] = super().get_queryset(request)
        return copies.defer("book__description", "book__other_titles", "note")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Copy], search_term: str
    ) -> tuple[QuerySet[Copy], bool]:
        """The copy with this number, else the copies of the books that match."""
        if not search_term.strip():
            return queryset, False
        books = matching_books(Book.objects.all(), search_term).order_by().values("pk")
        found = queryset.filter(book__in=books)
        number = clean(search_term).strip()
        exact = queryset.alias(lower_barcode=Lower("barcode")).filter(
            Q(lower_barcode=number.lower()) | Q(inventory_number=number)
        )
        return (exact if exact.exists() else found), False

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A copy that was ever lent stays: say so, and what to do instead."""
        to_delete, counts, missing, protected = super().get_deleted_objects(objs, request)
        lent = Copy.objects.filter(pk__in=[copy.pk for copy in objs]).annotate(times=Count("loans")).filter(times__gt=0)
        if reasons := [_never_deleted(copy) for copy in lent.order_by("inventory_number")]:
            return to_delete, counts, set(), reasons
        return to_delete, counts, missing, protected

    def get_readonly_fields(self, request: HttpRequest, obj: Copy | None = None) -> tuple[str, ...]:
        """A copy stays a copy of its book."""
        return (*self.readonly_fields, "book") if obj else self.readonly_fields

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Branches and item types are chosen here and changed on their own pages."""
        return _without_icons(super().formfield_for_dbfield(db_field, request, **kwargs))

    @admin.display(description=gettext_lazy("barcode"), ordering="barcode")
    def numbers(self, copy: Copy) -> SafeString:
        """Barcode above inventory number."""
        return format_html('{}<span class="under">{}</span>', copy.barcode, copy.inventory_number)

    @admin.display(description=gettext_lazy("book"), ordering="book__sort_title")
    def book_title(self, copy: Copy) -> SafeString:
        """The title, leading to the book, above the shelf mark."""
        url = reverse("admin:catalog_book_change", args=[copy.book_id])
        return format_html('<a href="{}">{}</a><span class="under">{}</span>', url, copy.book.title, copy.shelf_mark)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, copy: Copy) -> SafeString | str:
        """The status as a sign."""
        return copy_sign(copy) if copy.pk else "—"


# --- Names -------------------------------------------------------------------------------------------------------


class NamedThingAdmin(IndexedAdmin):
    """Names that books share."""

    form = NamedThingForm
    list_display: tuple[str, ...] = ("name", "book_count")
    search_fields = ("folded_name",)
    search_help_text = gettext_lazy("Words of the name, or their beginnings")
    fields: ClassVar[tuple[str, ...]] = ("name",)
    books_by = ""
    """How `Book` points to it."""
    link = ""
    """The field of `links()` that points to it."""

    def books_of(self, rows: Iterable[Model]) -> set[int]:
        """The books that have it."""
        keys = [row.pk for row in rows]
        return set(Book.objects.filter(**{f"{self.books_by}__in": keys}).order_by().values_list("pk", flat=True))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of books."""
        things: QuerySet[Any] = super().get_queryset(request)
        counts: QuerySet[Any] = things.annotate(books_with=counted(self.links(), self.link))
        return counts

    def links(self) -> QuerySet[Any]:
        """The rows that tie books to it."""
        return Book.objects.all()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Every word of the term somewhere in the folded name."""
        for word in fold(clean(search_term)).split()[:8]:
            queryset = queryset.filter(folded_name__contains=word)
        return queryset, False

    @admin.display(description=gettext_lazy("books"))
    def book_count(self, thing: Any) -> int:
        """How many books have it."""
        return int(thing.books_with)


class AuthorNameInline(admin.TabularInline):
    """Other forms of the author's name."""

    model = AuthorName
    fields = ("name",)
    extra = 0


@admin.register(Author)
class AuthorAdmin(Merging, NamedThingAdmin):
    """People and bodies that made books."""

    list_display = ("name", "dates", "book_count")
    fields = ("name", "dates")
    inlines = (AuthorNameInline,)
    actions = ("merge",)
    books_by = "contributions__author"
    link = "author"

    def links(self) -> QuerySet[Contribution]:
        """Contributions."""
        return Contribution.objects.all()

    def view_on_site(self, author: Author) -> str:
        """The page that readers see."""
        return reverse("author", args=[author.pk])


@admin.register(Genre)
class GenreAdmin(NamedThingAdmin):
    """Genres."""

    books_by = "genres"
    link = "genre"

    def links(self) -> QuerySet[Any]:
        """Books with genres."""
        return Book.genres.through._default_manager.all()


@admin.register(Subject)
class SubjectAdmin(NamedThingAdmin):
    """Subjects."""

    books_by = "subjects"
    link = "subject"

    def links(self) -> QuerySet[Any]:
        """Books with subjects."""
        return Book.subjects.through._default_manager.all()


@admin.register(Publisher)
class PublisherAdmin(NamedThingAdmin):
    """Publishers."""

    books_by = "publisher"
    link = "publisher"


@admin.register(Series)
class SeriesAdmin(NamedThingAdmin):
    """Series."""

    books_by = "series"
    link = "series"
