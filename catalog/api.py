"""The API on the catalogue: books, copies, authors. Anybody reads; staff describe."""

from collections.abc import Iterable, Mapping
from typing import Any

import django_filters
from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.http import HttpResponsePermanentRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import actions, isbn
from catalog.merges import merged_into
from catalog.models import Author, Book, Contribution, Copy, Genre, Isbn, MaterialType
from catalog.queries import GONE, SearchQuery, SearchResult, Sort, search_books
from catalog.suggestions import MOST, Kind, suggest
from catalog.volumes import volumes_of
from library.core.api import ANYONE, ApiView, ApiViewSet, NamedField, NameField, Pages
from library.core.text import fold
from policies.models import Branch, ItemType

MOST_NAMES = 100
"""Contributions, genres, subjects or ISBNs of one book, at most."""
ON_SHELF = Q(status=Copy.Status.AVAILABLE, is_reference_only=False)
LANGUAGE = {"max_length": 3, "min_length": 3, "required": False, "allow_blank": True}


# --- Books ---------------------------------------------------------------------------------------------------------
class ContributionSerializer(serializers.Serializer):
    """Who made the book, and as what."""

    author = serializers.IntegerField(source="author_id", read_only=True, help_text="Number of the author.")
    name = NameField(max_length=300, help_text="As in an index: «Толстой, Лев Николаевич».")
    dates = serializers.CharField(max_length=60, required=False, allow_blank=True, help_text="Years of life.")
    role = serializers.ChoiceField(Contribution.Role.choices, default=Contribution.Role.AUTHOR)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Each has a name, also when only a part of the book is sent."""
        if "name" not in attrs:
            raise serializers.ValidationError({"name": self.fields["name"].error_messages["required"]}, code="required")
        return attrs

    def to_representation(self, instance: Contribution) -> dict[str, Any]:
        """One row of the title page."""
        author = instance.author
        return {"author": author.pk, "name": author.name, "dates": author.dates, "role": instance.role}


class CopyCountSerializer(serializers.Serializer):
    """How many copies there are, and how many of them are on the shelf to be lent."""

    total = serializers.IntegerField()
    available = serializers.IntegerField()


class BranchCountSerializer(CopyCountSerializer):
    """The same for one branch."""

    branch = serializers.CharField(help_text="Its code.")
    name = serializers.CharField()


class BookListSerializer(serializers.ModelSerializer):
    """A book in a list."""

    contributions = ContributionSerializer(many=True)
    isbns = serializers.SerializerMethodField()
    publisher = serializers.CharField(source="publisher.name", default=None, allow_null=True)
    copies = serializers.SerializerMethodField()

    class Meta:
        model = Book
        fields = [
            "uid", "title", "subtitle", "volume", "contributions", "year", "year_note", "place", "publisher",
            "language", "material_type", "isbns", "cover", "copies",
        ]  # fmt: skip

    def get_isbns(self, book: Book) -> list[str]:
        """13 digits each."""
        return [row.value for row in book.isbns.all()]

    @extend_schema_field(CopyCountSerializer)
    def get_copies(self, book: Book) -> dict[str, int]:
        """Counted for the whole list at once, by the view."""
        counts: dict[str, int] = self.context["copies"].get(book.pk, {"total": 0, "available": 0})
        return counts


class BookSerializer(BookListSerializer):
    """A book with all that is known of it."""

    parent = NamedField(  # type: ignore[assignment] # a field of that name, not the serializer's own parent
        slug_field="uid", read_only=True, allow_null=True, help_text="The set or journal that it is a part of."
    )
    series = serializers.CharField(source="series.name", default=None, allow_null=True)
    genres: serializers.RelatedField = serializers.StringRelatedField(many=True)
    subjects: serializers.RelatedField = serializers.StringRelatedField(many=True)
    branches = serializers.SerializerMethodField()

    class Meta(BookListSerializer.Meta):
        fields = [
            *BookListSerializer.Meta.fields, "parent", "other_titles", "edition", "pages", "series", "series_number",
            "call_number", "description", "genres", "subjects", "branches", "created_at", "updated_at",
        ]  # fmt: skip

    @extend_schema_field(BranchCountSerializer(many=True))
    def get_branches(self, book: Book) -> list[dict[str, Any]]:
        """Branches that have copies, by name."""
        shown = Copy.objects.exclude(status__in=GONE).filter(book=book)
        counted = shown.values(code=F("branch__code"), name=F("branch__name")).annotate(
            total=Count("pk"), available=Count("pk", filter=ON_SHELF)
        )
        return [
            {"branch": row["code"], "name": row["name"], "total": row["total"], "available": row["available"]}
            for row in counted.order_by("name", "code")
        ]


class IsbnField(serializers.CharField):
    """An ISBN of 10 or 13 digits, hyphens or not; kept as 13 digits."""

    def to_internal_value(self, data: Any) -> str:
        """The 13 digits."""
        value = isbn.normalise(super().to_internal_value(data))
        if value is None:
            raise serializers.ValidationError(_("This is not an ISBN. Check the digits."), code="isbn")
        return value


class BookInputSerializer(serializers.ModelSerializer):
    """The description of a book. Authors, publisher, series, genres and subjects are given by name."""

    title = NameField(max_length=1000)
    parent = NamedField(  # type: ignore[assignment] # a field of that name, not the serializer's own parent
        slug_field="uid", queryset=Book.objects.all(), required=False, allow_null=True
    )
    publisher = NameField(max_length=300, required=False, allow_null=True)
    series = NameField(max_length=300, required=False, allow_null=True)
    genres = serializers.ListField(child=NameField(max_length=300), required=False, max_length=MOST_NAMES)
    subjects = serializers.ListField(child=NameField(max_length=300), required=False, max_length=MOST_NAMES)
    isbns = serializers.ListField(child=IsbnField(max_length=40), required=False, max_length=MOST_NAMES)
    contributions = serializers.ListField(child=ContributionSerializer(), required=False, max_length=MOST_NAMES)
    year = serializers.IntegerField(min_value=-3000, max_value=2200, required=False, allow_null=True)
    other_titles = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    material_type = serializers.ChoiceField(MaterialType.choices, required=False)

    class Meta:
        model = Book
        fields = [
            "title", "subtitle", "parent", "volume", "other_titles", "contributions", "year", "year_note", "place",
            "publisher", "language", "edition", "pages", "series", "series_number", "call_number", "description",
            "material_type", "genres", "subjects", "isbns",
        ]  # fmt: skip


class Key(serializers.IntegerField):
    """The number of an author, genre or subject, as facets and suggestions give it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **options)


class BookSearchSerializer(serializers.Serializer):
    """What to look for, and in which order. Without words: every book, the newest first."""

    q = serializers.CharField(
        required=False,
        max_length=300,
        help_text='Words in any form, "phrases", -excluded words, ISBNs, barcodes, author:tolstoy year:1860-1880.',
    )
    title = serializers.CharField(required=False, max_length=300)
    author = serializers.CharField(required=False, max_length=300)
    isbn = serializers.CharField(required=False, max_length=40)
    year = serializers.IntegerField(required=False, min_value=-3000, max_value=2200)
    year_from = serializers.IntegerField(required=False, min_value=-3000, max_value=2200)
    year_to = serializers.IntegerField(required=False, min_value=-3000, max_value=2200)
    genre = serializers.CharField(required=False, max_length=300, help_text="Its name.")
    genre_id = serializers.ListField(child=Key(), required=False, max_length=MOST_NAMES)
    subject_id = serializers.ListField(child=Key(), required=False, max_length=MOST_NAMES)
    author_id = serializers.ListField(child=Key(), required=False, max_length=MOST_NAMES)
    decade = serializers.ListField(
        child=serializers.IntegerField(min_value=-3000, max_value=2200), required=False, max_length=MOST_NAMES
    )
    language = serializers.CharField(required=False, max_length=3, help_text="ISO 639-2/B: rus, eng.")
    material_type = serializers.ChoiceField(MaterialType.choices, required=False)
    branch = NamedField(slug_field="code", queryset=Branch.objects.all(), required=False)
    available = serializers.BooleanField(required=False, default=False, help_text="Some copy is on the shelf.")
    facets = serializers.BooleanField(
        required=False, default=False, help_text="Also count the hits by what they can be narrowed by."
    )
    ordering = serializers.ChoiceField([sort.value for sort in Sort], default=Sort.RELEVANCE.value)

    def query(self, pages: Pages) -> SearchQuery | None:
        """The search for one page; None: the genre is unknown, so nothing is found."""
        said = self.validated_data
        genres = (
            Genre.objects.filter(folded_name=fold(said["genre"])).values_list("pk", flat=True)[:1]
            if "genre" in said
            else ()
        )
        if "genre" in said and not genres:
            return None
        return SearchQuery(
            text=said.get("q", ""),
            title=said.get("title", ""),
            author=said.get("author", ""),
            isbn=said.get("isbn", ""),
            year_from=said.get("year_from", said.get("year")),
            year_to=said.get("year_to", said.get("year")),
            genres=[*genres, *said.get("genre_id", ())],
            subjects=said.get("subject_id", ()),
            authors=said.get("author_id", ()),
            decades=said.get("decade", ()),
            languages=[said["language"]] if "language" in said else (),
            materials=[said["material_type"]] if "material_type" in said else (),
            branches=[said["branch"].pk] if "branch" in said else (),
            is_available=said["available"],
            sort=Sort(said["ordering"]),
            page=pages.number,
            per_page=pages.size,
        )


WAR_AND_PEACE = OpenApiExample(
    "War and Peace",
    {
        "title": "Война и мир",
        "contributions": [{"name": "Толстой, Лев Николаевич", "dates": "1828-1910", "role": "author"}],
        "year": 1869,
        "publisher": "Типография Т. Рис",
        "language": "rus",
        "genres": ["роман"],
        "isbns": ["978-5-389-04935-2"],
    },
    request_only=True,
)


PARTS = (
    Prefetch("contributions", Contribution.objects.select_related("author").order_by("position", "pk")),
    Prefetch("isbns", Isbn.objects.order_by("position", "pk")),
)


class BookPages(Pages):
    """A page of books with what the search has to say beside them."""

    result: SearchResult | None = None

    def get_paginated_response(self, data: Any) -> Response:
        """The page, how the text was understood, and the facets if they were asked for."""
        response = super().get_paginated_response(data)
        response.data |= {
            "corrected": self.result.corrected if self.result else "",
            "suggestion": self.result.suggestion if self.result else "",
            "facets": {
                facet.value: [{"value": one.value, "name": one.name, "count": one.count} for one in values]
                for facet, values in (self.result.facets if self.result else {}).items()
            },
        }
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape of it."""
        page = super().get_paginated_response_schema(schema)
        value = {"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "boolean"}]}
        counted = {
            "type": "object",
            "properties": {"value": value, "name": {"type": "string"}, "count": {"type": "integer"}},
        }
        page["properties"] |= {
            "corrected": {"type": "string", "description": "The text searched for instead: nothing had yours."},
            "suggestion": {"type": "string", "description": "What was perhaps meant, when little was found."},
            "facets": {"type": "object", "additionalProperties": {"type": "array", "items": counted}},
        }
        page["required"] = [*page["required"], "corrected", "suggestion", "facets"]
        return page


class BookViewSet(ApiViewSet):
    """Books."""

    pagination_class = BookPages

    queryset = Book.objects.select_related("parent", "publisher", "series").prefetch_related(*PARTS)
    serializer_class = BookSerializer
    filter_backends = []
    needs = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "volumes": ANYONE,
        "create": "catalog.add_book",
        "partial_update": "catalog.change_book",
        "destroy": "catalog.delete_book",
    }

    @extend_schema(parameters=[BookSearchSerializer], responses=BookListSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Search books"""
        asked = BookSearchSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        pages = BookPages()
        pages.read(request)
        query = asked.query(pages)
        result = search_books(query, with_facets=asked.validated_data["facets"]) if query else None
        pages.result = result
        ids = result.book_ids if result else ()
        books = self.get_queryset().in_bulk(ids)
        rows = pages.found(
            [books[pk] for pk in ids if pk in books],
            total=result.total if result else 0,
            is_exact=not (result and result.is_capped),
        )
        context = {**self.get_serializer_context(), "copies": _counts(ids)}
        return pages.get_paginated_response(BookListSerializer(rows, many=True, context=context).data)

    def retrieve(self, request: Request, uid: str) -> Response | HttpResponsePermanentRedirect:
        """Show a book, with its copies by branch

        The address of a book that was merged into another leads there (301).
        """
        if not self.get_queryset().filter(uid=uid).exists() and (now := merged_into(uid)):
            return HttpResponsePermanentRedirect(reverse("api:book", args=[now]))
        return self._answer(self.get_object())

    @extend_schema(responses=BookListSerializer(many=True))
    def volumes(self, request: Request, uid: str) -> Response:
        """List the volumes or issues of a book, in natural order"""
        book = self.get_object()
        rows = self.paginate_queryset(volumes_of(book).select_related("publisher").prefetch_related(*PARTS)) or []
        context = {**self.get_serializer_context(), "copies": _counts([row.pk for row in rows])}
        return self.get_paginated_response(BookListSerializer(rows, many=True, context=context).data)

    @extend_schema(request=BookInputSerializer, responses={201: BookSerializer}, examples=[WAR_AND_PEACE])
    def create(self, request: Request) -> Response:
        """Describe a new book"""
        form = BookInputSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        book = actions.create_book(fields=form.validated_data, by=self.caller, now=timezone.now())
        return self._answer(self.get_queryset().get(pk=book.pk), status.HTTP_201_CREATED)

    @extend_schema(request=BookInputSerializer(partial=True), responses=BookSerializer)
    def partial_update(self, request: Request, uid: str) -> Response:
        """Correct a description

        What is not sent stays; a list that is sent replaces the one before.
        """
        book = self.get_object()
        form = BookInputSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        actions.update_book(book_id=book.pk, fields=form.validated_data, by=self.caller, now=timezone.now())
        return self._answer(self.get_queryset().get(pk=book.pk))

    def destroy(self, request: Request, uid: str) -> Response:
        """Delete a book that has no copies"""
        actions.delete_book(book_id=self.get_object().pk, by=self.caller, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _answer(self, book: Book, code: int = status.HTTP_200_OK) -> Response:
        context = {**self.get_serializer_context(), "copies": _counts([book.pk])}
        return Response(BookSerializer(book, context=context).data, status=code)


def _counts(book_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Copies in all and on the shelf, by book. One query."""
    counted = Copy.objects.exclude(status__in=GONE).filter(book__in=list(book_ids)).order_by().values("book")
    rows = counted.annotate(total=Count("pk"), available=Count("pk", filter=ON_SHELF))
    return {row["book"]: {"total": row["total"], "available": row["available"]} for row in rows}


class SuggestionQuerySerializer(serializers.Serializer):
    """What has been typed so far."""

    q = serializers.CharField(max_length=300, help_text="In either alphabet, on either keyboard layout.")
    limit = serializers.IntegerField(required=False, default=8, min_value=1, max_value=MOST)


class SuggestionSerializer(serializers.Serializer):
    """Something the library has."""

    kind = serializers.ChoiceField([(kind.value, kind.value) for kind in Kind])
    text = serializers.CharField()
    key = serializers.CharField(help_text="Of a title the uid of a book; of an author or subject its number.")


class SuggestionsView(ApiView):
    """Suggestions while typing."""

    pagination_class = None  # type: ignore[assignment] # all of them at once, twenty at most
    filter_backends = []
    serializer_class = SuggestionSerializer
    needs = {"get": ANYONE}

    @extend_schema(parameters=[SuggestionQuerySerializer], responses=SuggestionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Suggest titles, authors and subjects"""
        asked = SuggestionQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = suggest(asked.validated_data["q"], limit=asked.validated_data["limit"])
        return Response(SuggestionSerializer(found, many=True).data)


# --- Copies --------------------------------------------------------------------------------------------------------
class CopySerializer(serializers.ModelSerializer):
    """A copy. `barcode`, `price`, `acquired_on` and `note` are null for whoever is no staff."""

    book = NamedField(slug_field="uid", queryset=Book.objects.all())
    title = serializers.CharField(source="book.title", read_only=True)
    branch = NamedField(slug_field="code", queryset=Branch.objects.all())
    item_type = NamedField(slug_field="code", queryset=ItemType.objects.all())
    barcode = serializers.CharField(max_length=40, allow_null=True)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True, allow_null=True)

    class Meta:
        model = Copy
        fields = [
            "uid", "book", "title", "inventory_number", "barcode", "branch", "item_type", "shelf_mark", "status",
            "is_reference_only", "price", "acquired_on", "note",
        ]  # fmt: skip
        read_only_fields = ["status"]
        extra_kwargs = {
            "inventory_number": {"validators": []},
            "price": {"min_value": 0},
        }

    def validate_book(self, book: Book) -> Book:
        """A copy stays with its book."""
        if self.instance and self.instance.book_id != book.pk:
            raise serializers.ValidationError(_("A copy stays with its book."))
        return book

    def validate_inventory_number(self, value: str) -> str:
        """Unique."""
        if self._others().filter(inventory_number=value).exists():
            raise serializers.ValidationError(_("There is a copy with this inventory number already."), code="unique")
        return value

    def validate_barcode(self, value: str | None) -> str:
        """Unique in any case of letters, and there."""
        if value is None:
            raise serializers.ValidationError(_("Give the barcode."), code="null")
        if self._others().filter(barcode__iexact=value).exists():
            raise serializers.ValidationError(_("There is a copy with this barcode already."), code="unique")
        return value

    def validate_note(self, value: str | None) -> str:
        """No note is an empty one."""
        return value or ""

    def to_representation(self, copy: Copy) -> dict[str, Any]:
        """The copy as this caller may see it."""
        shown: dict[str, Any] = super().to_representation(copy)
        if not self.context["request"].user.has_perm("catalog.view_copy"):
            shown |= dict.fromkeys(("barcode", "price", "acquired_on", "note"))
        return shown

    def _others(self) -> QuerySet[Copy]:
        return Copy.objects.exclude(pk=self.instance.pk) if self.instance else Copy.objects.all()


class CopyFilter(django_filters.FilterSet):
    """What copies are narrowed by."""

    book = django_filters.UUIDFilter("book__uid", label=gettext_lazy("Public id of the book."))
    branch = django_filters.CharFilter("branch__code", label=gettext_lazy("Code of the branch."))
    item_type = django_filters.CharFilter("item_type__code", label=gettext_lazy("Code of the item type."))
    status = django_filters.ChoiceFilter(choices=Copy.Status.choices)
    inventory_number = django_filters.CharFilter("inventory_number")


class CopyViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Copies."""

    queryset = Copy.objects.select_related("book", "branch", "item_type")
    serializer_class = CopySerializer
    filterset_class = CopyFilter
    orderings = {"inventory_number": ("inventory_number",), "branch": ("branch__name", "inventory_number")}
    needs = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "catalog.add_copy",
        "partial_update": "catalog.change_copy",
    }

    def get_queryset(self) -> QuerySet[Copy]:
        """Lost and withdrawn copies are shown to staff only."""
        copies: QuerySet[Copy] = super().get_queryset()
        return copies if self.caller.has_perm("catalog.view_copy") else copies.exclude(status__in=GONE)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List copies"""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show a copy"""
        return super().retrieve(request, *args, **kwargs)

    def create(self, request: Request) -> Response:
        """Enter a copy of a book

        It is available at once. Without a shelf mark it takes the book's call number.
        """
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        fields = dict(form.validated_data)
        copy = actions.create_copy(book_id=fields.pop("book").pk, fields=fields, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(copy).data, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, uid: str) -> Response:
        """Correct what is known of a copy"""
        copy = self.get_object()
        form = self.get_serializer(copy, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        fields: Mapping[str, Any] = {name: value for name, value in form.validated_data.items() if name != "book"}
        actions.update_copy(copy_id=copy.pk, fields=fields, by=self.caller, now=timezone.now())
        return Response(self.get_serializer(self.get_queryset().get(pk=copy.pk)).data)


# --- Authors -------------------------------------------------------------------------------------------------------
class AuthorSerializer(serializers.ModelSerializer):
    """A person or body that made books."""

    name = NameField(max_length=300)
    dates = serializers.CharField(max_length=60, required=False, allow_blank=True)

    class Meta:
        model = Author
        fields = ["id", "name", "dates"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nobody else has this name and these dates."""
        name = attrs.get("name", self.instance.name if self.instance else "")
        dates = attrs.get("dates", self.instance.dates if self.instance else "")
        same = Author.objects.filter(folded_name=fold(name), dates=dates)
        if (same.exclude(pk=self.instance.pk) if self.instance else same).exists():
            message = _("There is an author of this name and these years already.")
            raise serializers.ValidationError({"name": [message]}, code="unique")
        return attrs


class AuthorFilter(django_filters.FilterSet):
    """What authors are narrowed by."""

    q = django_filters.CharFilter(method="by_words", max_length=300, label=gettext_lazy("Words of the name."))

    def by_words(self, authors: QuerySet[Author], name: str, value: str) -> QuerySet[Author]:
        """Every word occurs in the name, whatever its case and accents."""
        for word in fold(value).split():
            authors = authors.filter(folded_name__contains=word)
        return authors


class AuthorViewSet(ListModelMixin, RetrieveModelMixin, ApiViewSet):
    """Authors."""

    queryset = Author.objects.all()
    serializer_class = AuthorSerializer
    filterset_class = AuthorFilter
    lookup_field = "pk"
    lookup_value_converter = "int"
    orderings = {"name": ("folded_name", "pk")}
    needs = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "catalog.add_author",
        "partial_update": "catalog.change_author",
        "destroy": "catalog.delete_author",
    }

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List authors"""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show an author"""
        return super().retrieve(request, *args, **kwargs)

    def create(self, request: Request) -> Response:
        """Enter an author"""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        author = actions.create_author(**({"dates": ""} | form.validated_data), by=self.caller, now=timezone.now())
        return Response(self.get_serializer(author).data, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: int) -> Response:
        """Correct an author's name or years

        Their books are found by the new name at once.
        """
        author = self.get_object()
        form = self.get_serializer(author, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        author = actions.update_author(
            author_id=author.pk, fields=form.validated_data, by=self.caller, now=timezone.now()
        )
        return Response(self.get_serializer(author).data)

    def destroy(self, request: Request, pk: int) -> Response:
        """Delete an author without books"""
        actions.delete_author(author_id=self.get_object().pk, by=self.caller, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
