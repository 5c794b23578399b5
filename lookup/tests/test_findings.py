"""What sources say, odd answers included, and whose word counts."""

from catalog.bookdata import Person
from lookup.findings import Source, google_books, merge, open_library
from lookup.tests.recorded import ZEN, ZEN_DATA, ZEN_DETAILS, ZEN_VOLUMES

OPEN, GOOGLE = Source.OPEN_LIBRARY, Source.GOOGLE_BOOKS


def volume(isbn, **info):
    return {"items": [{"volumeInfo": {"industryIdentifiers": [{"type": "ISBN_13", "identifier": isbn}], **info}}]}


def test_open_library_says_it_in_two_answers():
    found = open_library(ZEN_DATA, ZEN_DETAILS)
    assert found.scalars._asdict() == {
        "title": "Zen speaks",
        "subtitle": "shouts of nothingness",
        "language": "eng",
        "year": "1994",
        "place": "New York",
        "publisher": "Anchor Books",
        "edition": "1st Anchor Books ed.",
        "pages": "159 p.",
        "series": "Eastern wisdom",
        "series_number": "3",
        "description": "Zen in pictures.\n\nFor everybody.",
    }
    assert found.people == (
        Person(name="Cai, Zhizhong", role="author"),
        Person(name="Bruya, Brian", role="translator"),
        Person(name="Chung, Tsai Chih", role="illustrator"),
    )
    assert found.subjects == ("Caricatures and cartoons", "Zen Buddhism")


def test_google_says_it_of_the_volume_with_this_number_only():
    found = google_books(ZEN_VOLUMES, ZEN)
    assert found.scalars.title == "Zen Speaks"
    assert found.scalars.year == "1994"
    assert found.scalars.pages == "159 p."
    assert found.scalars.description == "The shouts of the masters, drawn.\nA bestseller."
    assert found.covers == (
        "https://books.google.com/books/content?id=abcDEF&printsec=frontcover&img=1&zoom=1&source=gbs_api",
    )
    assert google_books(ZEN_VOLUMES, "9780140328721") is None


def test_fields_of_strange_types_count_as_missing():
    edition = {
        "details": {"title": "Odd", "description": ["a"], "languages": "eng", "series": [{}], "contributors": {}}
    }
    found = open_library(
        {"title": "Odd", "authors": [None, 7, {"name": None}], "cover": "x", "publishers": {}}, edition
    )
    assert (found.scalars.title, found.scalars.publisher, found.scalars.description) == ("Odd", "", "")
    assert (found.people, found.covers) == ((), ())
    assert open_library(None, None) is None
    assert open_library({"title": ""}, []) is None
    assert google_books([], ZEN) is None
    assert google_books({"items": [None, {"volumeInfo": "x"}, {"volumeInfo": {"title": "No number"}}]}, ZEN) is None


def test_years_in_every_form():
    forms = {
        "October 1, 1988": "1988",
        "1988-10": "1988",
        "1988": "1988",
        "c1988": "1988",
        "Oct 01, 2007": "2007",
        "1998-2003": "",
        "198?": "",
        "": "",
        "19uu": "",
    }
    for text, year in forms.items():
        assert open_library({"title": "T", "publish_date": text}, None).scalars.year == year, text


def test_extents_in_the_language_of_the_book():
    russian = google_books(volume("9785389049352", title="Бесы", pageCount=640, language="ru"), "9785389049352")
    assert russian.scalars.pages == "640 с."
    none = google_books(volume(ZEN, title="T", pageCount=0), ZEN)
    assert none.scalars.pages == ""
    assert open_library({"title": "T", "pagination": "xii, 240 p. ;"}, None).scalars.pages == "xii, 240 p."


def test_only_an_isbn_10_is_enough_to_know_the_volume():
    item = {"volumeInfo": {"title": "T", "industryIdentifiers": [{"type": "ISBN_10", "identifier": "080442957X"}]}}
    assert google_books({"items": [item]}, "9780804429573").scalars.title == "T"


def test_series_and_their_numbers():
    for text, expected in {
        "Puffin books, 23": ("Puffin books", "23"),
        "Азбука-классика ; вып. 5": ("Азбука-классика", "вып. 5"),
        "Everyman's library": ("Everyman's library", ""),
    }.items():
        found = open_library({"title": "T"}, {"details": {"series": [text]}}).scalars
        assert (found.series, found.series_number) == expected


def test_cataloguers_before_shops_but_for_the_blurb():
    merged = merge(ZEN, [google_books(ZEN_VOLUMES, ZEN), open_library(ZEN_DATA, ZEN_DETAILS)])
    assert [(said.source, said.value) for said in merged.fields["title"]] == [(OPEN, "Zen speaks")]
    assert [said.value for said in merged.fields["publisher"]] == ["Anchor Books", "Anchor"]
    assert [said.source for said in merged.fields["description"]] == [GOOGLE, OPEN]
    assert [said.source for said in merged.fields["place"]] == [OPEN]


def test_what_one_lacks_the_other_gives():
    merged = merge(ZEN, [open_library({"title": "Zen speaks"}, None), google_books(ZEN_VOLUMES, ZEN)])
    assert merged.fields["year"][0] == ("1994", GOOGLE)
    assert merged.fields["people"][0].source == GOOGLE


def test_of_a_russian_book_the_russian_description_comes_first():
    isbn = "9785389049352"
    romanised = open_library({"title": "Besy", "authors": [{"name": "Fyodor Dostoevsky"}]}, None)
    russian = google_books(volume(isbn, title="Бесы", authors=["Фёдор Достоевский"]), isbn)
    merged = merge(isbn, [romanised, russian])
    assert [said.value for said in merged.fields["title"]] == ["Бесы", "Besy"]
    assert merged.fields["people"][0].value == (Person(name="Достоевский, Фёдор"),)
