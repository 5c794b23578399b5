"""Answers in the form in which Open Library and Google Books give them."""

import json
from io import BytesIO

from PIL import Image

OPEN_LIBRARY = "/api/books"
GOOGLE = "/books/v1/volumes"

ZEN = "9780385472579"
ZEN_DATA = {
    "url": "https://openlibrary.org/books/OL1397864M/Zen_speaks",
    "key": "/books/OL1397864M",
    "title": "Zen speaks",
    "subtitle": "shouts of nothingness",
    "authors": [{"url": "https://openlibrary.org/authors/OL223368A/Zhizhong_Cai", "name": "Zhizhong Cai"}],
    "number_of_pages": 159,
    "pagination": "159 p. :",
    "identifiers": {"isbn_10": ["0385472579"], "lccn": ["93005405"], "openlibrary": ["OL1397864M"]},
    "classifications": {"lc_classifications": ["BQ9265.6 .T7313 1994"], "dewey_decimal_class": ["294.3/927"]},
    "publishers": [{"name": "Anchor Books"}],
    "publish_places": [{"name": "New York"}],
    "publish_date": "1994",
    "subjects": [
        {"name": "Caricatures and cartoons", "url": "https://openlibrary.org/subjects/caricatures_and_cartoons"},
        {"name": "Zen Buddhism", "url": "https://openlibrary.org/subjects/zen_buddhism"},
        {"name": "nyt:paperback=1994-05-01", "url": "https://openlibrary.org/subjects/nyt:paperback=1994-05-01"},
    ],
}
ZEN_DETAILS = {
    "bib_key": f"ISBN:{ZEN}",
    "info_url": "https://openlibrary.org/books/OL1397864M/Zen_speaks",
    "preview": "noview",
    "thumbnail_url": "https://covers.openlibrary.org/b/id/240726-S.jpg",
    "details": {
        "key": "/books/OL1397864M",
        "type": {"key": "/type/edition"},
        "title": "Zen speaks",
        "subtitle": "shouts of nothingness",
        "authors": [{"key": "/authors/OL223368A", "name": "Zhizhong Cai"}],
        "contributors": [
            {"role": "Translator", "name": "Brian Bruya"},
            {"role": "Illustrator", "name": "Tsai Chih Chung"},
        ],
        "languages": [{"key": "/languages/eng"}],
        "publishers": ["Anchor Books"],
        "publish_places": ["New York"],
        "publish_date": "1994",
        "edition_name": "1st Anchor Books ed.",
        "series": ["Eastern wisdom ; 3"],
        "description": {"type": "/type/text", "value": "Zen in pictures.\r\n\r\nFor everybody."},
        "covers": [240726],
        "isbn_10": ["0385472579"],
        "created": {"type": "/type/datetime", "value": "2008-04-01T03:28:50.625462"},
    },
}
ZEN_VOLUMES = {
    "kind": "books#volumes",
    "totalItems": 2,
    "items": [
        {
            "kind": "books#volume",
            "id": "other",
            "volumeInfo": {
                "title": "About Zen speaks",
                "industryIdentifiers": [{"type": "ISBN_13", "identifier": "9780306406157"}],
            },
        },
        {
            "kind": "books#volume",
            "id": "abcDEF",
            "etag": "x",
            "volumeInfo": {
                "title": "Zen Speaks",
                "subtitle": "Shouts of Nothingness",
                "authors": ["Zhizhong Cai"],
                "publisher": "Anchor",
                "publishedDate": "1994-03-01",
                "description": "<p>The shouts of the masters, drawn.<br>A bestseller.</p>",
                "industryIdentifiers": [
                    {"type": "ISBN_10", "identifier": "0385472579"},
                    {"type": "OTHER", "identifier": "UOM:39015029731234"},
                ],
                "pageCount": 159,
                "printType": "BOOK",
                "categories": ["Religion"],
                "imageLinks": {
                    "smallThumbnail": "http://books.google.com/books/content?id=abcDEF&printsec=frontcover&img=1&zoom=5&edge=curl&source=gbs_api",
                    "thumbnail": "http://books.google.com/books/content?id=abcDEF&printsec=frontcover&img=1&zoom=1&edge=curl&source=gbs_api",
                },
                "language": "en",
            },
        },
    ],
}
NO_VOLUMES = json.dumps({"kind": "books#volumes", "totalItems": 0})
LIMITED = json.dumps(
    {
        "error": {
            "code": 429,
            "message": "Quota exceeded for quota metric 'Queries' and limit 'Queries per day'",
            "status": "RESOURCE_EXHAUSTED",
        }
    }
)


def open_library(isbn, data, details):
    """Open Library's answer to /api/books, by `jscmd`."""

    def answer(query):
        found = {"data": data, "details": details}[query["jscmd"]]
        content = {f"ISBN:{isbn}": found} if found and query["bibkeys"] == f"ISBN:{isbn}" else {}
        return 200, "application/json", json.dumps(content).encode(), {}

    return answer


def zen(world):
    """Both know «Zen speaks», and Open Library has its cover."""
    picture = {size: f"{world.url}/b/id/240726-{size[0].upper()}.jpg" for size in ("small", "medium", "large")}
    world.says(OPEN_LIBRARY, open_library(ZEN, ZEN_DATA | {"cover": picture}, ZEN_DETAILS))
    world.says(GOOGLE, json.dumps(ZEN_VOLUMES))
    world.says("/b/id/240726-L.jpg", jpeg(300, 450), kind="image/jpeg")


def jpeg(width, height):
    """A picture of brass."""
    content = BytesIO()
    Image.new("RGB", (width, height), "#b98b2f").save(content, "JPEG")
    return content.getvalue()
