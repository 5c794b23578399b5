"""Ready-made books and copies for tests."""

import factory

from catalog import models
from catalog.search import index_books
from library.core.text import fold


class NamedThingFactory(factory.django.DjangoModelFactory):
    """Anything with a name; asked for a name that is there already, it gives that one."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        found = {"folded_name": fold(kwargs["name"])}
        if model_class is models.Author:
            found["dates"] = kwargs.get("dates", "")
        return model_class.objects.filter(**found).first() or super()._create(model_class, *args, **kwargs)


class AuthorFactory(NamedThingFactory):
    """An author: «Автор 1»."""

    name = factory.Sequence(lambda n: f"Автор {n}")

    class Meta:
        model = models.Author


class GenreFactory(NamedThingFactory):
    """A genre: «Жанр 1»."""

    name = factory.Sequence(lambda n: f"Жанр {n}")

    class Meta:
        model = models.Genre


class SubjectFactory(NamedThingFactory):
    """A subject: «Тема 1»."""

    name = factory.Sequence(lambda n: f"Тема {n}")

    class Meta:
        model = models.Subject


class PublisherFactory(NamedThingFactory):
    """A publisher: «Издательство 1»."""

    name = factory.Sequence(lambda n: f"Издательство {n}")

    class Meta:
        model = models.Publisher


class SeriesFactory(NamedThingFactory):
    """A series: «Серия 1»."""

    name = factory.Sequence(lambda n: f"Серия {n}")

    class Meta:
        model = models.Series


class BookFactory(factory.django.DjangoModelFactory):
    """A book of 2001. `BookFactory(authors=["Толстой, Лев"], isbns=["9785699000005"], genres=["роман"])`."""

    title = factory.Sequence(lambda n: f"Книга {n}")
    year = 2001
    language = "rus"

    class Meta:
        model = models.Book
        skip_postgeneration_save = True

    @factory.post_generation
    def authors(self, create, extracted, **kwargs):
        """Names or Author objects, in order."""
        for position, author in enumerate(extracted or []):
            if isinstance(author, str):
                author = AuthorFactory(name=author)
            models.Contribution.objects.create(book=self, author=author, position=position)

    @factory.post_generation
    def isbns(self, create, extracted, **kwargs):
        """ISBN-13 as digits, in order."""
        for position, value in enumerate(extracted or []):
            models.Isbn.objects.create(book=self, value=value, position=position)

    @factory.post_generation
    def genres(self, create, extracted, **kwargs):
        """Names or Genre objects."""
        self.genres.set([GenreFactory(name=genre) if isinstance(genre, str) else genre for genre in extracted or []])

    @factory.post_generation
    def subjects(self, create, extracted, **kwargs):
        """Names or Subject objects."""
        self.subjects.set([SubjectFactory(name=name) if isinstance(name, str) else name for name in extracted or []])

    @classmethod
    def _after_postgeneration(cls, instance, create, results=None):
        """Found by the search, as every book is; what is added to it later is not."""
        super()._after_postgeneration(instance, create, results)
        if create:
            index_books([instance.pk])


class CopyFactory(factory.django.DjangoModelFactory):
    """An available copy of a new book in a new branch: inventory number INV-000001, barcode 2000000001."""

    book = factory.SubFactory(BookFactory)
    inventory_number = factory.Sequence(lambda n: f"INV-{n:06}")
    barcode = factory.Sequence(lambda n: str(2_000_000_000 + n))
    branch = factory.SubFactory("policies.tests.factories.BranchFactory")
    item_type = factory.SubFactory("policies.tests.factories.ItemTypeFactory")

    class Meta:
        model = models.Copy
