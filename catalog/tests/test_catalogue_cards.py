"""Catalogue cards: descriptions in areas, which cards a book has, and their sheets."""

import pypdfium2
import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import LibrarianFactory
from catalog import catalogue_cards
from catalog.catalogue_cards import cards_of, described, ranges, tracings
from catalog.citations import Cited, Person
from catalog.descriptions import added_names, description, heading
from catalog.models import Book, Contribution, ImportedBook, ImportRun, SourceRecord
from catalog.tests.factories import BookFactory, CopyFactory, PublisherFactory, SeriesFactory, SubjectFactory
from policies.tests.factories import BranchFactory

CARDS = reverse("admin:catalog_book_cards")
PAPER = {"kinds": ["main"], "stock": "a4-catalogue", "start": 1}
WAR = Cited(
    title="Война и мир",
    subtitle="роман в 4 томах",
    people=[Person("Толстой, Лев Николаевич (1828–1910)"), Person("Гулин, А. В.", "editor")],
    edition="2-е изд.",
    place="Москва",
    publisher="АСТ",
    year=2014,
    pages="1300 с. : ил. ; 21 см",
    series="Русская классика",
    series_number="5",
    isbns=["978-5-17-080115-2"],
)
FOUR = [Person(f"{name}, А. Б.") for name in ("Иванов", "Петров", "Сидоров", "Орлов")]


@pytest.mark.parametrize(
    ("facts", "entered_under", "text"),
    [
        (
            WAR,
            "Толстой, Лев Николаевич (1828–1910)",
            "Война и мир : роман в 4 томах / Л. Н. Толстой ; ред. А. В. Гулин. – 2-е изд. – Москва : АСТ, 2014. – "
            "1300 с. : ил. ; 21 см. – (Русская классика ; 5). – ISBN 978-5-17-080115-2. – Текст : непосредственный.",
        ),
        (
            Cited(title="Физика", people=FOUR, year=1999, pages="320"),
            "",
            "Физика / А. Б. Иванов, А. Б. Петров, А. Б. Сидоров, А. Б. Орлов. – 1999. – 320 с. – "
            "Текст : непосредственный.",
        ),
        (
            Cited(title="Химия", people=[*FOUR, Person("Котов, В. Г.")], material="electronic"),
            "",
            "Химия / А. Б. Иванов, А. Б. Петров, А. Б. Сидоров [и др.]. – Текст : электронный.",
        ),
        (
            Cited(title="Рыбы", volume="Т. 4", whole="Жизнь животных", place="Москва", year=1983),
            "",
            "Жизнь животных. Т. 4, Рыбы. – Москва, 1983. – Текст : непосредственный.",
        ),
        (
            Cited(
                title="О времени",
                people=[Person("Гайденко, П. П.")],
                material="article",
                host="Вопросы философии. — 1992. — № 10. — С. 76-86",
            ),
            "Гайденко, П. П",
            "О времени / П. П. Гайденко. – Текст : непосредственный // Вопросы философии. – 1992. – № 10. – С. 76–86.",
        ),
        (
            Cited(
                title="Сказки",
                people=[
                    Person("Билибин, Иван Яковлевич", "illustrator"),
                    Person("Ушакова, О. Д.", "foreword"),
                    Person("Васнецов, В. М.", "artist"),
                    Person("Афанасьев, Александр Николаевич", "compiler"),
                ],
            ),
            "",
            "Сказки / сост. А. Н. Афанасьев ; авт. предисл. О. Д. Ушакова ; худож. И. Я. Билибин, В. М. Васнецов. – "
            "Текст : непосредственный.",
        ),
        (
            Cited(
                title="Времена года",
                people=[Person("Чайковский, П. И.", "composer"), Person("Плетнёв, М. В.", "artist")],
                material="audio",
            ),
            "Чайковский, П. И",
            "Времена года / П. И. Чайковский ; исполн. М. В. Плетнёв. – Музыка (исполнительская) : аудио.",
        ),
        (
            Cited(title="The Hobbit", people=[Person("Tolkien, J. R. R.")], place="London", year=1937, pages="310"),
            "Tolkien, J. R. R",
            "The Hobbit / J. R. R. Tolkien. – London, 1937. – 310 p. – Text : unmediated.",
        ),
    ],
)
def test_a_description_has_its_areas_in_order(facts, entered_under, text):
    assert heading(facts) == entered_under
    assert description(facts) == text


def test_added_cards_are_numbered_and_ranges_of_numbers_shortened():
    assert added_names(WAR) == ["Гулин, А. В"]
    assert added_names(Cited(title="Физика", people=FOUR)) == [
        "Иванов, А. Б",
        "Петров, А. Б",
        "Сидоров, А. Б",
        "Орлов, А. Б",
    ]
    text = tracings(["Оптика", "Свет"], ["Гулин, А. В."], title="Заглавие.")
    assert text == "1. Оптика. 2. Свет. I. Гулин, А. В. II. Заглавие."
    assert list(ranges(["ИНВ-9", "ИНВ-10", "ИНВ-11", "7", "8", "Б"])) == ["ИНВ-9–ИНВ-11", "7", "8", "Б"]


@pytest.fixture
def librarian(english):
    user = LibrarianFactory(language="en")
    english.force_login(user)
    return user


def war(**fields):
    """A book with everything that a card can say."""
    book = BookFactory(
        title="Война и мир",
        authors=["Толстой, Лев Николаевич"],
        year=2014,
        place="Москва",
        publisher=PublisherFactory(name="АСТ"),
        series=SeriesFactory(name="Русская классика"),
        call_number="84(2Рос=Рус)1 Т53",
        description="Эпопея о войне 1812 года. " * 60,
        **fields,
    )
    book.subjects.set([SubjectFactory(name="Отечественная война"), SubjectFactory(name="Семья")])
    return book


def pages_of(response):
    """The PDF's pages as text, lines joined."""
    assert response["Content-Type"] == "application/pdf", response.context["form"].errors
    document = pypdfium2.PdfDocument(response.content)
    pages = [" ".join(page.get_textpage().get_text_range().split()) for page in document]
    document.close()
    return pages


@pytest.mark.django_db
def test_the_cards_of_a_book_lie_three_on_a_sheet(english, librarian):
    book = war()
    centre, north = BranchFactory(name="Центр"), BranchFactory(name="Север")
    for number in (1, 2, 3):
        CopyFactory(book=book, branch=centre, inventory_number=f"ИНВ-{number}", shelf_mark=book.call_number)
    CopyFactory(book=book, branch=north, inventory_number="С-77", shelf_mark="Ч Т53")
    CopyFactory(book=book, branch=north, inventory_number="С-78", status="withdrawn")
    chosen = english.post(
        reverse("admin:catalog_book_changelist"), {"action": "print_catalogue_cards", "_selected_action": [book.pk]}
    )
    assert "For 1 chosen book." in chosen.content.decode()
    books = chosen.context["form"]["books"].value()
    (main,) = pages_of(english.post(CARDS, PAPER | {"books": books}))
    for words in (
        "84(2Рос=Рус)1 Т53",
        "Север Ч Т53 С-77 Центр ИНВ-1–ИНВ-3 Толстой, Лев Николаевич.",
        "Война и мир / Л. Н. Толстой. – Москва : АСТ, 2014. – (Русская классика). – Текст : непосредственный.",
        "1. Отечественная война. 2. Семья. I. Заглавие.",
        "…",
    ):
        assert words in main
    assert "С-78" not in main, "withdrawn copies are not where the card would send the reader"
    pages = pages_of(english.post(CARDS, PAPER | {"books": books, "kinds": ["main", "title", "subjects", "names"]}))
    assert [page.count("Текст : непосредственный") for page in pages] == [3, 1]
    assert "Семья Толстой, Лев Николаевич." in pages[1]


@pytest.mark.django_db
def test_classes_come_from_the_imported_record():
    book = war()
    content = {
        "leader": "00000nam a2200000 i 4500",
        "fields": [
            {"675": {"ind1": " ", "ind2": " ", "subfields": [{"a": "821.161.1-31"}]}},
            {"686": {"ind1": " ", "ind2": " ", "subfields": [{"a": "84(2Рос=Рус)1"}, {"2": "rubbk"}]}},
        ],
    }
    SourceRecord.objects.create(book=book, format="rusmarc", digest="1", content=content, imported_at=timezone.now())
    (card,) = cards_of(described(Book.objects.all()).get(), {"main"})
    assert card.classes == "УДК 821.161.1-31\nББК 84(2Рос=Рус)1"


@pytest.mark.django_db
def test_cards_of_an_import_in_as_many_files_as_they_need(
    english, librarian, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(catalogue_cards, "MOST_LABELS", 4)
    run = ImportRun.objects.create(file_name="books.mrc", started_at=timezone.now())
    for number in range(3):
        book = war(volume=f"Т. {number}")
        Contribution.objects.create(book=book, author=book.authors.get(), role="editor")
        ImportedBook.objects.create(run=run, book=book, at=run.started_at)
    (page,) = pages_of(english.post(CARDS, PAPER | {"run": run.pk}))
    assert page.count("Текст") == 3
    sent = PAPER | {"run": run.pk, "kinds": ["main", "subjects"]}
    form = english.post(CARDS, sent).context["form"]
    assert form.errors["part"] == ["These are more cards than one file holds. Choose which of them."]
    assert [label for _start, label in form.fields["part"].choices] == ["books 1–1", "books 2–2", "books 3–3"]
    with django_assert_max_num_queries(20):
        (page,) = pages_of(english.post(CARDS, sent | {"part": 1}))
    assert page.count("Война и мир. Т. 1") == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"books": "999999999"}, "__all__", "There are no such books."),
        ({"kinds": []}, "kinds", "This field is required."),
        ({"kinds": ["names"]}, "kinds", "These books have no such cards."),
        ({"start": 4}, "start", "A sheet of this paper has 3 labels."),
    ],
)
def test_cards_that_cannot_be_printed_are_explained(english, librarian, changes, field, words):
    assert english.post(CARDS, PAPER | {"books": war().pk} | changes).context["form"].errors[field] == [words]
