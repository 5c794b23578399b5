"""One book with everything that its page tells, by one statement: ten took longer than all that they brought."""

from typing import Any
from uuid import UUID

from django.db.models import Model

from catalog.models import Author, Book, Contribution, Genre, Isbn, Publisher, Series, Subject

_BOOK = """
SELECT book.*, publisher.name AS publisher_name, series.name AS series_name,
       parent.uid AS parent_uid, parent.title AS parent_title, parent.material_type AS parent_material_type,
       ARRAY(SELECT value FROM catalog_isbn WHERE book_id = book.id ORDER BY position, id) AS told_isbns,
       ARRAY(SELECT concat_ws(' ', role, author.id, author.name)
             FROM catalog_contribution part JOIN catalog_author author ON author.id = part.author_id
             WHERE part.book_id = book.id ORDER BY position, part.id) AS told_parts,
       ARRAY(SELECT concat_ws(' ', genre.id, genre.name)
             FROM catalog_book_genres link JOIN catalog_genre genre ON genre.id = link.genre_id
             WHERE link.book_id = book.id ORDER BY folded_name) AS told_genres,
       ARRAY(SELECT concat_ws(' ', subject.id, subject.name)
             FROM catalog_book_subjects link JOIN catalog_subject subject ON subject.id = link.subject_id
             WHERE link.book_id = book.id ORDER BY folded_name) AS told_subjects,
       EXISTS(SELECT FROM catalog_book volume WHERE volume.parent_id = book.id) AS has_volumes,
       EXISTS(SELECT FROM catalog_copyphoto photo JOIN catalog_copy copy ON copy.id = photo.copy_id
              WHERE copy.book_id = book.id AND is_public) AS has_photos
FROM catalog_book book
     LEFT JOIN catalog_publisher publisher ON publisher.id = book.publisher_id
     LEFT JOIN catalog_series series ON series.id = book.series_id
     LEFT JOIN catalog_book parent ON parent.id = book.parent_id
WHERE book.uid = %s"""


def book_in_full(uid: UUID) -> Book | None:
    """The book with `publisher`, `series`, `parent`, `isbns`, `contributions` and authors, `genres` and `subjects`.

    These have the fields that pages show. `has_volumes` and `has_photos` say whether it is worth asking for them.
    """
    for book in Book.objects.raw(_BOOK, [uid]):
        told: dict[str, Any] = vars(book)
        if book.publisher_id:
            book.publisher = Publisher(pk=book.publisher_id, name=told["publisher_name"])
        if book.series_id:
            book.series = Series(pk=book.series_id, name=told["series_name"])
        if book.parent_id:
            known = {name: told[f"parent_{name}"] for name in ("uid", "title", "material_type")}
            book.parent = Book(pk=book.parent_id, **known)
        _keep(book, "isbns", [Isbn(book=book, value=value) for value in told["told_isbns"]])
        _keep(book, "contributions", [_part(book, words) for words in told["told_parts"]])
        _keep(book, "genres", [Genre(pk=int(key), name=name) for key, name in map(_pair, told["told_genres"])])
        _keep(book, "subjects", [Subject(pk=int(key), name=name) for key, name in map(_pair, told["told_subjects"])])
        return book
    return None


def _pair(words: str) -> tuple[str, str]:
    key, _space, name = words.partition(" ")
    return key, name


def _part(book: Book, words: str) -> Contribution:
    role, key, name = words.split(" ", 2)
    return Contribution(book=book, role=role, author=Author(pk=int(key), name=name))


def _keep(book: Book, relation: str, things: list[Any]) -> None:
    """Let `book.relation.all()` give these, as `prefetch_related` does."""
    model: type[Model] = book._meta.get_field(relation).related_model  # type: ignore[assignment] # of our own
    known = model._default_manager.all()
    known._result_cache = things
    known._prefetch_done = True  # type: ignore[attr-defined] # what `prefetch_related_objects` sets
    vars(book).setdefault("_prefetched_objects_cache", {})[relation] = known
