"""A library of a million books and two million copies, for benchmarks of search: made once, the same every time.

    python -m benchmarks.million [--books 1000000] [--database search_million]

Words, authors, subjects, publishers and borrowings follow Zipf's law with a flattened head; six books of ten are
Russian. The commonest word is in some 6 % of the books, half of the words in a handful. The database stays; a second
call goes on where the first was stopped.
"""

import argparse
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import django

FLATTENED = 20
"""Ranks of Zipf's law that are left out: the first words of a title are not «the»."""
BATCH = 20_000
START = datetime(2012, 1, 1, tzinfo=UTC)

HEADS = {
    "rus": """история война любовь город море жизнь мир человек время книга дом дорога сад театр музыка наука школа лес
        река огонь звезда письмо берег снег друг тайна остров ветер голос память вечер солнце рассказ повесть роман
        сказка стих песня язык народ власть революция экономика право физика химия математика биология география
        медицина философия культура искусство живопись архитектура техника компьютер учебник задача словарь очерк""",
    "eng": """history war love city sea life world man time book house road garden theatre music science school forest
        river fire star letter shore snow friend secret island wind voice memory evening sun story tale novel poem
        song language people power revolution economics law physics chemistry mathematics biology geography medicine
        philosophy culture art painting architecture technique computer textbook problem dictionary essay journey""",
}
SYLLABLES = {
    "rus": ("б в г д ж з к л м н п р с т х ч ш ст пр тр кр сл гр вл".split(), "а о у е и ы я".split()),
    "eng": ("b c d f g h k l m n p r s t v w st pr tr cr sl gr bl th".split(), "a o u e i ea oo".split()),
}
ENDINGS = {
    "rus": ["а", "о", "ие", "ость", "ник", "ка", "ный", "ская", "ение", "ист", "ов", "ец", ""],
    "eng": ["er", "ing", "ness", "ion", "ist", "ly", "al", "ment", "ity", "ed", "s", ""],
}
SURNAMES = {
    "rus": ["ов", "ев", "ин", "ский", "енко", "ович", "ых"],
    "eng": ["son", "er", "ton", "man", "ley", "field", "s"],
}
GIVEN = {
    "rus": "Анна Мария Елена Ольга Иван Пётр Лев Фёдор Антон Александр Михаил Николай Сергей Андрей".split(),
    "eng": "Anna Mary Helen Emily John Peter Charles George Anthony Alexander Michael Nicholas Jane Andrew".split(),
}
MIDDLE = {
    "rus": "Иванович Петрович Сергеевич Николаевич Андреевич Юрьевич Львович Ильич".split(),
    "eng": "A. B. C. D. E. F. G. H. J. K. L. M.".split(),
}


class Dice:
    """Chances of one stream of rows, the same at every run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def rank(self, count: int) -> int:
        """A rank below `count`, few of them often."""
        return int(FLATTENED * ((count + FLATTENED) / FLATTENED) ** self.random.random()) - FLATTENED


def vocabulary(language: str, count: int, dice: Dice) -> list[str]:
    """Words by rank, real ones first."""
    words = dict.fromkeys(HEADS[language].split())
    consonants, vowels = SYLLABLES[language]
    while len(words) < count:
        syllables = dice.random.randint(2, 4)
        root = "".join(dice.random.choice(consonants) + dice.random.choice(vowels) for _ in range(syllables))
        words[root[:-1] + dice.random.choice(ENDINGS[language])] = None
    return list(words)


def names(language: str, count: int, dice: Dice) -> list[str]:
    """Authors by rank."""
    consonants, vowels = SYLLABLES[language]
    roots = [
        "".join(dice.random.choice(consonants) + dice.random.choice(vowels) for _ in range(dice.random.randint(2, 3)))[
            :-1
        ]
        for _ in range(count // 4)
    ]
    found: dict[str, None] = {}
    while len(found) < count:
        surname = dice.random.choice(roots).capitalize() + dice.random.choice(SURNAMES[language])
        found[f"{surname}, {dice.random.choice(GIVEN[language])} {dice.random.choice(MIDDLE[language])}"] = None
    return list(found)


def make(books: int) -> None:
    """Every row but the search index, where they are not there yet."""
    from catalog.models import Book, Copy
    from policies.models import Branch, ItemType
    from policies.setup import set_up

    if Copy.objects.exists():
        print("The books are there.")
        return
    set_up(language="ru")
    Branch.objects.bulk_create(
        [Branch(code=f"b{n}", name=f"Филиал № {n}") for n in range(2, 21)], ignore_conflicts=True
    )
    branches = list(Branch.objects.order_by("pk").values_list("pk", flat=True))
    item_type = ItemType.objects.order_by("pk").first().pk
    words = {language: vocabulary(language, size, Dice(1)) for language, size in (("rus", 60_000), ("eng", 40_000))}
    people = {language: names(language, books // 8, Dice(2)) for language in words}
    topics = things(words, books // 40, Dice(3), 3)
    send("catalog_author", ("id", "name", "folded_name", "dates"), authors(people))
    for table, rows in (
        ("catalog_subject", topics),
        ("catalog_genre", things(words, 60, Dice(4), 1)),
        ("catalog_publisher", things(words, books // 200 + 10, Dice(5), 1)),
        ("catalog_series", things(words, books // 50 + 10, Dice(6), 2)),
    ):
        send(table, ("id", "name", "folded_name"), rows)
    counts = {"people": len(people["rus"]), "subjects": len(topics), "genres": 60, "publishers": books // 200 + 10}
    counts["series"] = books // 50 + 10
    send_books(books, words, counts)
    send("catalog_contribution", ("book_id", "author_id", "role", "position"), contributions(books, counts["people"]))
    send("catalog_isbn", ("book_id", "value", "position"), isbns(books))
    send("catalog_book_genres", ("book_id", "genre_id"), links(books, Dice(7), 60, (1, 1, 2)))
    send("catalog_book_subjects", ("book_id", "subject_id"), links(books, Dice(8), counts["subjects"], (0, 1, 2, 3)))
    assert Book.objects.count() == books
    send_copies(books, branches, item_type)
    assert Copy.objects.count() > books
    renumber()


def things(words: dict[str, list[str]], count: int, dice: Dice, longest: int) -> list[tuple[int, str, str]]:
    """Subjects, publishers: one to three words each."""
    found: dict[str, str] = {}
    while len(found) < count:
        listed = words["rus" if dice.random.random() < 0.6 else "eng"]
        length = dice.random.randint(1, longest)
        name = " ".join(listed[dice.rank(8000)] for _ in range(length)).capitalize()
        found.setdefault(name.casefold(), name)
    return [(number, name, folded) for number, (folded, name) in enumerate(found.items(), 1)]


def authors(people: dict[str, list[str]]) -> Iterator[tuple[Any, ...]]:
    """Russian ones have odd numbers."""
    from library.core.text import fold

    for rank, pair in enumerate(zip(people["rus"], people["eng"], strict=True)):
        for side, name in enumerate(pair):
            yield 2 * rank + side + 1, name, fold(name), ""


def is_russian(number: int) -> bool:
    """Six of ten."""
    return number % 5 < 3


def send_books(count: int, words: dict[str, list[str]], counts: dict[str, int]) -> None:
    """The books."""
    from catalog.titles import sort_title

    columns = (
        "id", "uid", "title", "subtitle", "sort_title", "other_titles", "year", "year_note", "place", "publisher_id",
        "language", "edition", "pages", "series_id", "series_number", "call_number", "description", "material_type",
        "cover", "created_at", "updated_at",
    )  # fmt: skip
    materials = ["book"] * 16 + ["journal", "audio", "map", "music"]
    dice = Dice(9)

    def text(language: str, length: int) -> str:
        listed = words[language]
        return " ".join(listed[dice.rank(len(listed))] for _ in range(length))

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(1, count + 1):
            language = "rus" if is_russian(number) else "eng"
            title = text(language, dice.random.randint(1, 6)).capitalize()
            entered = START + timedelta(minutes=7 * number)
            yield (
                number, UUID(int=dice.random.getrandbits(128), version=4), title,
                text(language, 4) if number % 3 == 0 else "", sort_title(title, language), "",
                2026 - int(dice.random.expovariate(1 / 25)) % 200, "", "Москва", dice.rank(counts["publishers"]) + 1,
                language, "", f"{dice.random.randint(20, 900)} с.",
                dice.rank(counts["series"]) + 1 if number % 4 == 0 else None, "", f"84 {number % 997}",
                text(language, 18) if number % 3 == 1 else "", dice.random.choice(materials), "", entered, entered,
            )  # fmt: skip

    send("catalog_book", columns, rows())


def contributions(books: int, people: int) -> Iterator[tuple[Any, ...]]:
    """One to three people a book, in its language."""
    dice = Dice(10)
    for number in range(1, books + 1):
        ranks = {dice.rank(people) for _ in range(dice.random.choice((1, 1, 1, 2, 3)))}
        for position, rank in enumerate(sorted(ranks)):
            yield number, 2 * rank + (1 if is_russian(number) else 2), "editor" if position > 1 else "author", position


def isbns(books: int) -> Iterator[tuple[Any, ...]]:
    """For three of four."""
    for number in range(1, books + 1):
        if number % 4:
            digits = f"978{number:09}"
            check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10
            yield number, f"{digits}{check}", 0


def links(books: int, dice: Dice, things: int, choices: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Of genres or subjects so many to a book."""
    for number in range(1, books + 1):
        for thing in {dice.rank(things) + 1 for _ in range(dice.random.choice(choices))}:
            yield number, thing


def send_copies(books: int, branches: list[int], item_type: int) -> None:
    """Two a book on average, most of them in few branches, four of five on the shelf."""
    dice = Dice(11)
    columns = (
        "uid", "book_id", "inventory_number", "barcode", "branch_id", "item_type_id", "shelf_mark", "status",
        "is_reference_only", "note",
    )  # fmt: skip
    states = ["available"] * 16 + ["loaned"] * 3 + ["lost"]

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(1, books + 1):
            for copy in range(dice.random.choice((1, 1, 2, 2, 4))):
                branch = branches[int(len(branches) ** dice.random.random()) - 1]
                yield (
                    UUID(int=dice.random.getrandbits(128), version=4), number, f"I{number:07}-{copy}",
                    f"B{number:07}{copy}", branch, item_type, "", dice.random.choice(states), number % 50 == 0, "",
                )  # fmt: skip

    send("catalog_copy", columns, rows())


def send(table: str, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """COPY."""
    from django.db import connection

    start, count = time.perf_counter(), 0
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    print(f"{table}: {count:,} rows, {time.perf_counter() - start:.0f} s", flush=True)


def renumber() -> None:
    """Let the next rows get numbers of their own."""
    from django.db import connection

    with connection.cursor() as cursor:
        for name in ("book", "author", "subject", "genre", "publisher", "series"):
            table = f"catalog_{name}"
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")  # noqa: S608


def index() -> None:
    """The search entries that are missing, with loans made up."""
    from django.db import connection

    from catalog import popularity, search
    from catalog.models import Book, SearchEntry

    start, done = time.perf_counter(), 0
    last = SearchEntry.objects.order_by("-book").values_list("book", flat=True).first() or 0
    while ids := list(Book.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        search.index_books(ids)
        last, done = ids[-1], done + len(ids)
        if done % (5 * BATCH) == 0:
            print(f"{done:,} indexed, {done / (time.perf_counter() - start):,.0f} a second", flush=True)
    if done:
        dice = Dice(12)
        count = Book.objects.count()
        lent = {dice.rank(count) * 7919 % count + 1: dice.random.randint(1, 40) for _ in range(count // 10)}
        for ids in search_chunks(sorted(lent)):
            facts = {"ids": ids, "loans": [lent[pk] for pk in ids], "much": search.MUCH_BORROWED}
            with connection.cursor() as cursor:
                cursor.execute(popularity.WRITE, facts)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def search_chunks(keys: list[int]) -> Iterator[list[int]]:
    """A thousand at a time."""
    for start in range(0, len(keys), 1000):
        yield keys[start : start + 1000]


def connect(database: str) -> None:
    """Make the database if it is not there, and Django use it."""
    import environ
    import psycopg

    url = environ.Env().db("DATABASE_URL")
    with psycopg.connect(
        host=url["HOST"], port=url["PORT"] or 5432, user=url["USER"], password=url["PASSWORD"], dbname="postgres",
        autocommit=True,
    ) as server:  # fmt: skip
        if server.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
            server.execute(f'CREATE DATABASE "{database}"')
    os.environ["DATABASE_URL"] = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + database
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=int, default=1_000_000)
    parser.add_argument("--database", default="search_million")
    options = parser.parse_args()
    connect(options.database)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    make(options.books)
    print(f"index: {timed(index):.0f} s")


if __name__ == "__main__":
    main()
