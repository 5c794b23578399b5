"""Pages of results, suggestions and books over HTTP on a million books; beside the bare SQL of the same result.

    python -m benchmarks.million                     # once: makes the library
    python -m benchmarks.search [--database search_million] [--clients 1 8] [--seconds 10] [--workers 2]

Words are drawn from the vocabulary of the library: 30 % rare (10 to 100 books), 50 % medium (500 to 3,000), 20 % very
common (10,000 and more). gunicorn serves with two workers as in production; every client is a process. The floor is
what the page asks of PostgreSQL for its result and facets, the statements replayed by psycopg on one connection.
"""

import argparse
import http.client
import multiprocessing
import os
import random
import time
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

from benchmarks.api_checkout import web_server
from benchmarks.million import Dice, connect, vocabulary

KINDS = {"rare": (10, 100), "medium": (500, 3_000), "common": (10_000, 200_000)}
"""How many books have the word, at least and at most."""
SHARES = {"rare": 30, "medium": 50, "common": 20}
WORDS = 60
"""Words of each kind."""


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="search_million")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8], help="clients at once")
    parser.add_argument("--seconds", type=float, default=10, help="length of a round")
    parser.add_argument("--workers", type=int, default=2, help="workers of gunicorn")
    options = parser.parse_args()
    connect(options.database)
    words = words_by_kind()
    for kind, listed in words.items():
        print(f"{kind}: {len(listed)} words, for example {', '.join(listed[:4])}")
    floors = {kind: floor(listed) for kind, listed in words.items()}
    for kind, times in floors.items():
        print(f"floor, {kind}: {told(times)}")
    mix = mixed(words)
    print(f"floor, mix: {told(mixed(floors))}")
    paths = {
        "results": [f"/search/?q={quote(word)}" for word in mix],
        **{f"results, {kind}": [f"/search/?q={quote(word)}" for word in listed] for kind, listed in words.items()},
        "suggestions": [f"/suggestions/?q={quote(word[: 2 + number % 4])}" for number, word in enumerate(mix)],
        "book": book_paths(),
    }
    os.environ["BEHIND_PROXY"] = "true"
    with web_server(options.workers) as port:
        for clients in options.clients:
            for name, listed in paths.items():
                measured = load(port, listed, clients, options.seconds)
                print(f"{name}, {clients} at once: {told(measured)}, {len(measured) / options.seconds:.0f} a second")


def words_by_kind() -> dict[str, list[str]]:
    """Words of the library's own vocabulary by the number of books that have them."""
    from django.db import connection

    from catalog.query_language import understand

    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    dice = random.Random(1)
    count = "SELECT count(*) FROM (SELECT FROM catalog_searchentry WHERE words @@ %s::tsquery LIMIT 200000) hits"
    for kind, ranks in (("common", (0, 120)), ("medium", (300, 6_000)), ("rare", (10_000, 38_000))):
        listed = {
            language: vocabulary(language, size, Dice(1)) for language, size in (("rus", 60_000), ("eng", 40_000))
        }
        least, most = KINDS[kind]
        for _ in range(3_000):
            word = listed["rus" if dice.random() < 0.6 else "eng"][dice.randrange(*ranks)]
            with connection.cursor() as cursor:
                cursor.execute(count, [understand(word).words])
                if least <= cursor.fetchone()[0] <= most and word not in found[kind]:
                    found[kind].append(word)
            if len(found[kind]) == WORDS:
                break
    return found


def mixed(kinds: dict[str, list[Any]]) -> list[Any]:
    """A thousand in the shares of the mix."""
    dice = random.Random(2)
    chosen = dice.choices(list(SHARES), weights=list(SHARES.values()), k=1000)
    return [dice.choice(kinds[kind]) for kind in chosen]


def floor(words: list[str]) -> list[float]:
    """Seconds that PostgreSQL and psycopg take for the statements of each search."""
    import psycopg
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from catalog.queries import SearchQuery, search_books

    times = []
    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    with psycopg.connect(**parameters, autocommit=True) as bare:
        for word in words:
            with CaptureQueriesContext(connection) as queries:
                search_books(SearchQuery(text=word), with_facets=True)
            start = time.perf_counter()
            for query in queries:
                answer = bare.execute(query["sql"])
                while answer.nextset():
                    pass
            times.append(time.perf_counter() - start)
    return times


def book_paths() -> list[str]:
    """A thousand books."""
    from django.db.models import F
    from django.db.models.functions import Mod

    from catalog.models import Book

    return [
        f"/books/{uid}/"
        for uid in Book.objects.filter(pk__lte=1_000_000)
        .annotate(rest=Mod(F("pk"), 997))
        .filter(rest=5)
        .values_list("uid", flat=True)[:1000]
    ]


def load(port: int, paths: list[str], clients: int, seconds: float) -> list[float]:
    """How long each answer took, in seconds."""
    from django.db import connection

    connection.close()
    with multiprocessing.get_context("fork").Pool(clients) as pool:
        ask_all(port, paths[:30], 0, 1.0)
        results = pool.starmap(ask_all, [(port, paths, client, seconds) for client in range(clients)])
    return [taken for times in results for taken in times]


def ask_all(port: int, paths: list[str], client: int, seconds: float) -> list[float]:
    """One client: a path after the other, each from another address, so that no limit is reached."""
    times = []
    dice = random.Random(client)
    end = time.perf_counter() + seconds
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while (start := time.perf_counter()) < end:
        address = f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}"
        headers = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", "Accept-Language": "ru"}
        connection.request("GET", dice.choice(paths), headers=headers)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"answered {response.status}")
        times.append(time.perf_counter() - start)
        connection.close()
    return times


def told(times: list[float]) -> str:
    """Median and 95th percentile in words."""
    return f"p50 {median(times) * 1000:.1f} ms, p95 {quantiles(times, n=20)[18] * 1000:.1f} ms"


if __name__ == "__main__":
    main()
