"""What readers type and the books they get."""

from copy import deepcopy

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Author, Book, Contribution, Copy, Genre, Subject
from catalog.queries import CAP, Facet, FacetValue, SearchQuery, Sort, matching_books, search_books
from catalog.search import index_books
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory, PublisherFactory
from exchange.models import PublishedRecord
from policies.tests.factories import BranchFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def standing_shelf(standing):
    """A small library in two languages, indexed."""
    north, south = BranchFactory(code="north", name="Северный"), BranchFactory(code="south", name="Южный")
    books = {
        "war": BookFactory(
            title="Война и мир",
            year=1869,
            authors=["Толстой, Лев Николаевич"],
            isbns=["9785170878895"],
            genres=["роман"],
            subjects=["Отечественная война 1812 года"],
            publisher=PublisherFactory(name="АСТ"),
        ),
        "anna": BookFactory(title="Анна Каренина", year=1877, authors=["Толстой, Лев Николаевич"], genres=["роман"]),
        "fat": BookFactory(title="Толстый и тонкий", year=1883, authors=["Чехов, Антон Павлович"], genres=["рассказ"]),
        "about": BookFactory(title="Лев Толстой", year=1963, authors=["Шкловский, Виктор Борисович"]),
        "todo": BookFactory(title="Что делать?", year=1863, authors=["Чернышевский, Николай Гаврилович"]),
        "we": BookFactory(title="Мы", year=1952, authors=["Замятин, Евгений Иванович"]),
        "tree": BookFactory(title="Ёлка", year=1955, authors=["Сутеев, Владимир Григорьевич"]),
        "run": BookFactory(
            title="What I Talk About When I Talk About Running",
            year=2008,
            language="eng",
            authors=["Murakami, Haruki"],
            isbns=["9780307269195"],
            description="A memoir of long distances and short stories.",
        ),
        "runner": BookFactory(
            title="The Kite Runner", year=2003, language="eng", authors=["Hosseini, Khaled"], isbns=["9780306406157"]
        ),
        "solitude": BookFactory(
            title="Cien años de soledad", year=1967, language="spa", authors=["García Márquez, Gabriel"]
        ),
        "disc": BookFactory(title="Времена года", year=1990, material_type="audio", language="", authors=[]),
    }
    marshak = AuthorFactory(name="Маршак, Самуил Яковлевич")
    books["sonnets"] = BookFactory(title="Сонеты", year=1948, authors=["Шекспир, Уильям"])
    Contribution.objects.create(book=books["sonnets"], author=marshak, role="translator", position=1)
    CopyFactory(book=books["war"], branch=north, inventory_number="ИНВ 00-123", barcode="LIB-0077")
    CopyFactory(book=books["war"], branch=south, status=Copy.Status.LOANED)
    CopyFactory(book=books["anna"], branch=south)
    CopyFactory(book=books["fat"], branch=north, is_reference_only=True)
    CopyFactory(book=books["run"], branch=north, status=Copy.Status.LOST)
    index_books(book.pk for book in books.values())
    return books


@pytest.fixture
def shelf(standing_shelf):
    """The books of the small library by short names."""
    return deepcopy(standing_shelf)


def found(shelf, **query):
    """The short names of the books on the first page, in order."""
    names = {book.pk: name for name, book in shelf.items()}
    return [names[pk] for pk in search_books(SearchQuery(**query)).book_ids]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("война и мир", ["war"]),
        ("войны мира", ["war"]),
        ("ВОЙНОЙ", ["war"]),
        ("running", ["run"]),
        ("runs", ["run"]),
        ("run", ["run"]),
        ("ёлки", ["tree"]),
        ("елка", ["tree"]),
        ("marquez cien anos", ["solitude"]),
        ("Márquez", ["solitude"]),
        ("толстого анна", ["anna"]),
        ("Лев Толстой", ["about", "anna", "war"]),
        ("Л. Н. Толстой", ["anna", "war"]),
        ("Маршак", ["sonnets"]),
        ("роман", ["anna", "war"]),
        ("АСТ", ["war"]),
        ("memoir", ["run"]),
        ("1812", ["war"]),
        ("толстой 1877", ["anna"]),
        ("Что делать", ["todo"]),
        ("что", ["todo"]),
        ("Мы", ["we"]),
        ('"война и мир"', ["war"]),
        ("«лев толстой»", ["about", "anna", "war"]),
        ('"мир и война"', []),
        ('"анна война"', []),
        ("толстой -война", ["anna", "about", "fat"]),
        ('толстой -"лев толстой"', ["fat"]),
        ("роман - толстой", ["anna", "war"]),
        ("978-5-17-087889-5", ["war"]),
        ("9785170878895", ["war"]),
        ("978 5 17 087889 5", ["war"]),
        ("5-17-087889-3", ["war"]),
        ("0306406152", ["runner"]),
        ("0-306-40615-2", ["runner"]),
        ("978-5-17-087889-4", []),
        ("ИНВ 00-123", ["war"]),
        ("инв00-123", ["war"]),
        ("lib-0077", ["war"]),
        ("толстой нигде", []),
        ("достоевский", []),
    ],
)
def test_words(shelf, text, expected):
    assert found(shelf, text=text) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"title": "толстой"}, ["about", "fat"]),
        ({"author": "толстой"}, ["anna", "war"]),
        ({"author": "Маршак"}, ["sonnets"]),
        ({"author": "толстой", "title": "война"}, ["war"]),
        ({"isbn": "5170878893"}, ["war"]),
        ({"isbn": "978-0-306-40615-7"}, ["runner"]),
        ({"isbn": "война"}, []),
        ({"text": "толстой", "year_from": 1877, "year_to": 1883}, ["anna", "fat"]),
        ({"year_to": 1863}, ["todo"]),
        ({"year_from": 2003, "sort": Sort.TITLE}, ["runner", "run"]),
        ({"decades": [1950, 2000], "sort": Sort.YEAR}, ["run", "runner", "tree", "we"]),
        ({"languages": ["eng", "spa"], "sort": Sort.TITLE}, ["solitude", "runner", "run"]),
        ({"materials": ["audio"]}, ["disc"]),
        ({"is_available": True, "sort": Sort.TITLE}, ["anna", "war"]),
        ({"text": "толстой -лев", "is_available": True}, []),
        ({"sort": Sort.AUTHOR, "year_from": 1952, "year_to": 1990}, ["solitude", "disc", "we", "tree", "about"]),
    ],
)
def test_fields_and_filters(shelf, query, expected):
    assert found(shelf, **query) == expected


def test_filters_by_things(shelf):
    north, south = (BranchFactory._meta.model.objects.get(code=code).pk for code in ("north", "south"))
    roman, rasskaz = (Genre.objects.get(name=name).pk for name in ("роман", "рассказ"))
    tolstoy = Author.objects.get(name="Толстой, Лев Николаевич").pk
    about_1812 = Subject.objects.get(name="Отечественная война 1812 года").pk
    by_title = {"sort": Sort.TITLE}
    assert found(shelf, branches=[north], **by_title) == ["war", "fat"]
    assert found(shelf, branches=[south], **by_title) == ["anna", "war"]
    assert found(shelf, branches=[south], is_available=True, **by_title) == ["anna"]
    assert found(shelf, genres=[roman], **by_title) == ["anna", "war"]
    assert found(shelf, genres=[roman, rasskaz], **by_title) == ["anna", "war", "fat"]
    assert found(shelf, authors=[tolstoy], **by_title) == ["anna", "war"]
    assert found(shelf, subjects=[about_1812]) == ["war"]
    assert found(shelf, publishers=[shelf["war"].publisher_id]) == ["war"]
    assert found(shelf, genres=[10**30]) == []


def test_the_beginning_of_a_word_is_enough_while_typing(shelf):
    assert found(shelf, text="чех", is_typing=True) == ["fat"]
    assert found(shelf, text="толстой кар", is_typing=True) == ["anna"]
    assert found(shelf, text="978030", is_typing=True) == ["run", "runner"]


def test_the_beginning_of_a_word_is_tried_when_nothing_has_the_word(shelf):
    result = search_books(SearchQuery(text="достоев"))
    assert (result.total, result.is_widened) == (0, False)
    result = search_books(SearchQuery(text="шекс"))
    assert (result.book_ids, result.is_widened) == ((shelf["sonnets"].pk,), True)


def test_exact_titles_come_first_then_titles_and_names_then_the_rest():
    described = BookFactory(title="Очерк", description="Пушкин Пушкин Пушкин Пушкин", year=2020)
    subject = BookFactory(title="Лицей", subjects=["Пушкин"], year=2019)
    by_him = BookFactory(title="Полтава", authors=["Пушкин, Александр Сергеевич"], year=1829)
    begins = BookFactory(title="Пушкин в жизни", year=1926)
    contains = BookFactory(title="Мой Пушкин", year=1937)
    exact = BookFactory(title="Пушкин", year=1943)
    index_books(book.pk for book in (described, subject, by_him, begins, contains, exact))
    titles = [Book.objects.get(pk=pk).title for pk in search_books(SearchQuery(text="пушкин")).book_ids]
    assert titles[0] == "Пушкин"
    assert set(titles[1:4]) == {"Полтава", "Пушкин в жизни", "Мой Пушкин"}
    assert titles.index("Пушкин в жизни") < titles.index("Мой Пушкин")
    assert titles[4:] == ["Лицей", "Очерк"]


def test_a_title_is_exact_with_its_article_and_without():
    longer = BookFactory(title="The Hobbit Companion", language="eng", year=2020)
    exact = BookFactory(title="The Hobbit", language="eng", year=1937)
    index_books([longer.pk, exact.pk])
    for text in ("the hobbit", "Hobbit"):
        assert search_books(SearchQuery(text=text)).book_ids == (exact.pk, longer.pk)


def test_facets_count_hits_and_keep_the_alternatives_of_a_chosen_value(shelf):
    facets = search_books(SearchQuery(text="толстой"), with_facets=True).facets
    genre = {genre.name: genre.pk for genre in Genre.objects.all()}
    branch = {branch.name: branch.pk for branch in BranchFactory._meta.model.objects.all()}
    author = {author.name: author.pk for author in Author.objects.all()}
    subject = Subject.objects.get().pk
    assert facets == {
        Facet.AVAILABLE: [FacetValue(True, "", 2)],
        Facet.BRANCH: [FacetValue(branch["Северный"], "Северный", 2), FacetValue(branch["Южный"], "Южный", 2)],
        Facet.LANGUAGE: [FacetValue("rus", "", 4)],
        Facet.GENRE: [FacetValue(genre["роман"], "роман", 2), FacetValue(genre["рассказ"], "рассказ", 1)],
        Facet.MATERIAL: [FacetValue("book", "", 4)],
        Facet.DECADE: [
            FacetValue(1860, "", 1),
            FacetValue(1870, "", 1),
            FacetValue(1880, "", 1),
            FacetValue(1960, "", 1),
        ],
        Facet.SUBJECT: [FacetValue(subject, "Отечественная война 1812 года", 1)],
        Facet.AUTHOR: [
            FacetValue(author[name], name, count)
            for name, count in (
                ("Толстой, Лев Николаевич", 2),
                ("Чехов, Антон Павлович", 1),
                ("Шкловский, Виктор Борисович", 1),
            )
        ],
    }
    narrowed = search_books(SearchQuery(text="толстой", genres=[genre["роман"]], is_available=True), with_facets=True)
    assert narrowed.total == 2
    assert narrowed.facets[Facet.GENRE] == [FacetValue(genre["роман"], "роман", 2)]
    assert narrowed.facets[Facet.AVAILABLE] == [FacetValue(True, "", 2)]
    assert narrowed.facets[Facet.BRANCH] == [
        FacetValue(branch["Северный"], "Северный", 1),
        FacetValue(branch["Южный"], "Южный", 1),
    ]
    one_decade = search_books(SearchQuery(text="толстой", decades=[1870]), with_facets=True).facets
    assert [(value.value, value.count) for value in one_decade[Facet.DECADE]] == [
        (1860, 1),
        (1870, 1),
        (1880, 1),
        (1960, 1),
    ]
    assert one_decade[Facet.GENRE] == [FacetValue(genre["роман"], "роман", 1)]


def test_pages_neither_repeat_nor_skip():
    books = Book.objects.bulk_create(
        Book(title="Собрание сочинений", sort_title="собрание сочинений", year=1950) for _ in range(45)
    )
    index_books(book.pk for book in books)
    for sort in Sort:
        pages = [
            search_books(SearchQuery(text="собрание", sort=sort, page=page, per_page=10)).book_ids
            for page in range(1, 7)
        ]
        assert [len(page) for page in pages] == [10, 10, 10, 10, 5, 0]
        assert {pk for page in pages for pk in page} == {book.pk for book in books}
    result = search_books(SearchQuery(text="собрание", per_page=10))
    assert (result.total, result.pages, result.is_capped) == (45, 5, False)


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "вой\0на",
        "\ud800",
        "слово " * 2000,
        "x" * 10_000,
        "и в на с",
        "the of and",
        '"',
        '"война',
        '""""',
        "война & | ! <-> :* ()",
        "!!!",
        "'",
        "\\",
        "a'b\\1",
        "-",
        "--война",
        "-война",
        ":*A",
        "'война':*",
        "%s %(x)s %",
        "½ ² 王 \u202e ﷺ 🎈",
        "1e400 -5 +7 3.14 http://example.org/?q=1 a@b.c",
        "<script>",
    ],
)
def test_strange_text_is_only_text(shelf, text):
    for field in ("text", "title", "author", "isbn"):
        for is_typing in (False, True):
            result = search_books(SearchQuery(**{field: text}, is_typing=is_typing), with_facets=True)
            assert 0 <= result.total <= len(shelf)
    assert matching_books(Book.objects.all(), text).count() <= len(shelf)


def test_strange_numbers_and_codes_are_bounded(shelf):
    assert len(found(shelf, page=-5, per_page=10**9)) == len(shelf)
    assert found(shelf, page=10**12) == []
    assert found(shelf, year_from=10**12) == []
    assert found(shelf, year_to=-(10**12)) == []
    assert found(shelf, languages=["\0"], materials=["нет"]) == []
    assert found(shelf, decades=[10**12]) == []


@pytest.fixture(scope="module")
def many(django_db_setup, django_db_blocker):
    """Eight thousand books: «обычное» in 7,000 of them, «редкое» in 20; statistics gathered."""
    with django_db_blocker.unblock():
        books = Book.objects.bulk_create(
            Book(
                title=f"{'Обычное' if n < 7000 else 'Другое'} слово {'редкое' if n % 400 == 0 else ''} {n}",
                sort_title=f"слово {n:05}",
                year=1900 + n % 120,
                language="rus",
            )
            for n in range(8000)
        )
        Book.objects.filter(pk=books[5].pk).update(title="Обычное", sort_title="обычное")
        indexed = {n: books[n].pk for n in (0, 1, 5, 7000, 7200)}
        index_books(indexed.values())
        with connection.cursor() as cursor:
            for like in (0, 1, 7000, 7200):
                others = [books[n].pk for n in range(8000) if kind(n) == kind(like) and n not in indexed]
                cursor.execute(ENTRIES_LIKE, [others, indexed[like]])
            cursor.execute("ANALYZE catalog_searchentry")
        yield books
        Book.objects.filter(pk__in=[book.pk for book in books]).delete()
        PublishedRecord.objects.all().delete()


ENTRIES_LIKE = """
INSERT INTO catalog_searchentry (book_id, words, sort_title, sort_author, language, material_type, year, created_at,
                                 genres, subjects, authors, branches, on_shelf, popularity)
SELECT book.id, ts_delete(words, '@d' || entry.year / 10 * 10) || array_to_tsvector(ARRAY['@d' || book.year / 10 * 10]),
       book.sort_title, sort_author, entry.language, entry.material_type, book.year, book.created_at, genres, subjects,
       authors, branches, on_shelf, popularity
FROM catalog_searchentry entry, catalog_book book WHERE book.id = ANY(%s) AND entry.book_id = %s
"""
"""Many entries in a moment: the words are those of a book of the same title but for its number."""


def kind(n):
    """Whether the title has «обычное», whether it has «редкое»."""
    return n < 7000, n % 400 == 0


UNREAD = "SET LOCAL enable_seqscan = off; "


def plans(query: SearchQuery) -> str:
    """The plans of the statements that find and count the hits of `query`."""
    with CaptureQueriesContext(connection) as queries:
        search_books(query, with_facets=True)
    statements = [query["sql"].split("; SET LOCAL")[0] for query in queries]
    statements = [sql.removeprefix(UNREAD) for sql in statements if sql.startswith(f"{UNREAD}WITH ")]
    assert statements
    with connection.cursor() as cursor:
        lines = []
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement in statements:
            cursor.execute("EXPLAIN " + statement)
            lines += [line for (line,) in cursor.fetchall()]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "query",
    [
        SearchQuery(text="редкое"),
        SearchQuery(text="редкие слова", year_from=1950, sort=Sort.TITLE),
        SearchQuery(text='"редкое слово" -другое', languages=["rus"]),
        SearchQuery(text="редк", is_typing=True, is_available=True),
        SearchQuery(title="редкое", sort=Sort.YEAR),
    ],
)
def test_words_are_found_by_the_index_and_never_by_reading_the_table(many, query):
    plan = plans(query)
    assert "Bitmap Index Scan on books_full_text" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(
    ("sort", "index"),
    [
        (Sort.TITLE, "entries_by_title"),
        (Sort.AUTHOR, "entries_by_author"),
        (Sort.YEAR, "entries_by_year"),
        (Sort.NEWEST, "entries_newest_first"),
        (Sort.POPULAR, "entries_by_popularity"),
    ],
)
def test_browsing_walks_the_index_of_its_order(many, sort, index):
    assert index in plans(SearchQuery(sort=sort))


def test_books_to_be_indexed_are_looked_up_and_never_by_reading_the_table(many):
    ids = [book.pk for book in many[:1000]]
    with CaptureQueriesContext(connection) as queries:
        index_books(ids)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + next(query["sql"] for query in queries if "FOR NO KEY UPDATE" in query["sql"]))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "volumes_of_a_book" in plan
    assert "Seq Scan" not in plan


def test_more_hits_than_are_counted(many):
    result = search_books(SearchQuery(text="обычное", per_page=100))
    assert (result.total, result.is_capped, result.pages) == (CAP, True, 50)
    assert result.book_ids[0] == many[5].pk
    assert len(search_books(SearchQuery(text="обычное", per_page=100, page=50)).book_ids) == 100
    assert search_books(SearchQuery(text="обычное", per_page=100, page=51)).book_ids == ()
    assert search_books(SearchQuery(text="редкое")).total == 20


def test_few_years_of_a_common_word(many):
    assert search_books(SearchQuery(text="обычное", year_from=1955, year_to=1964)).total == 580
    assert search_books(SearchQuery(text="обычное год:1950-1959")).total == 580
    assert search_books(SearchQuery(text="обычное", year_from=1964, year_to=1955)).total == 0
    assert "@d1950" in plans(SearchQuery(text="обычное", year_from=1955, year_to=1964))


def test_the_number_of_statements_does_not_grow(many, django_assert_num_queries):
    for per_page in (5, 100):
        with django_assert_num_queries(1):
            search_books(SearchQuery(text="слово", per_page=per_page), with_facets=True)
    with django_assert_num_queries(3):
        search_books(SearchQuery(text="слово", languages=["rus"], decades=[1950]), with_facets=True)
