"""Pages of results, suggestions and books over HTTP on a million books; beside bare SQL and a bare Django view.

    python -m benchmarks.million                     # once: makes the library
    python -m benchmarks.search [--database search_million] [--clients 1 8] [--seconds 8] [--workers 2]

Words are drawn from the vocabulary of the library: 30 % rare (10 to 100 books), 50 % medium (500 to 3,000), 20 % very
common (10,000 and more). gunicorn serves with two workers as in production; every client is a process. The floor is
what the page asks of PostgreSQL, all its statements replayed by psycopg, by as many clients; and, of results, the least
page that Django could make of them (`benchmarks.bare_view`), on a server like ours. Ratios to that read on any machine.
"""

import argparse
import http.client
import multiprocessing
import os
import random
import time
from collections.abc import Callable
from functools import partial
from statistics import quantiles
from typing import Any
from urllib.parse import quote, unquote

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
    parser.add_argument("--seconds", type=float, default=8, help="length of a round")
    parser.add_argument("--workers", type=int, default=2, help="workers of gunicorn")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_ALLOWED_HOSTS", "127.0.0.1")
    os.environ.setdefault("LIBRARY_HTTPS", "false")
    connect(options.database)
    words = words_by_kind()
    for kind, listed in words.items():
        print(f"{kind}: {len(listed)} words, for example {', '.join(listed[:4])}")
    mix = mixed(words)
    paths = {
        "results": [f"/search/?q={quote(word)}" for word in mix],
        **{f"results, {kind}": [f"/search/?q={quote(word)}" for word in listed] for kind, listed in words.items()},
        "suggestions": [f"/suggestions/?q={quote(word[: 2 + number % 4])}" for number, word in enumerate(mix[:200])],
        "book": book_paths(),
    }
    least = {name: bare_paths(listed) for name, listed in paths.items() if name.startswith("results")}
    asked = statements({path for listed in paths.values() for path in listed})
    os.environ["BEHIND_PROXY"] = "true"
    print("| page | clients | p50, ms | p95, ms | a second | SQL p95, ms | ratio | bare view p95, ms | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    with web_server(options.workers) as port, web_server(options.workers, "benchmarks.bare_view") as bare_port:
        for clients in options.clients:
            for name, listed in paths.items():
                sql = percentile(at_once(replay, [asked[path] for path in listed], clients, options.seconds / 2), 95)
                taken = by_http(port, listed, clients, options.seconds)
                cells = [percentile(taken, 50), percentile(taken, 95), len(taken) / options.seconds]
                cells += [sql, cells[1] / sql]
                if name in least:
                    bare = percentile(by_http(bare_port, least[name], clients, options.seconds), 95)
                    cells += [bare, cells[1] / bare]
                print(f"| {name} | {clients} | {' | '.join(f'{cell:.1f}' for cell in cells)} |", flush=True)


def by_http(port: int, paths: list[str], clients: int, seconds: float) -> list[float]:
    """How long each answer took, in seconds, asked by so many processes; the first second is not counted."""
    ask_all(port, paths, 0, 1.0)
    return at_once(partial(ask_all, port), paths, clients, seconds)


def bare_paths(paths: list[str]) -> list[str]:
    """The same searches for the bare view, as tsqueries."""
    from catalog.query_language import understand

    return [f"/?q={quote(understand(unquote(path.partition('=')[2])).words)}" for path in paths]


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


def statements(paths: set[str]) -> dict[str, list[str]]:
    """The statements that each page sends."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(HTTP_HOST="127.0.0.1", HTTP_ACCEPT_LANGUAGE="ru")
    sent = {}
    for number, path in enumerate(sorted(paths)):
        address = f"10.0.{number // 256}.{number % 256}"
        with CaptureQueriesContext(connection) as queries:
            if client.get(path, REMOTE_ADDR=address).status_code != 200:
                raise RuntimeError(path)
        sent[path] = [query["sql"] for query in queries]
    return sent


def replay(pages: list[list[str]], client: int, seconds: float) -> list[float]:
    """How long PostgreSQL and psycopg took for the statements of each page, one client after another page."""
    import psycopg
    from django.db import connection

    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    times = []
    dice = random.Random(client)
    with psycopg.connect(**parameters, autocommit=True) as bare:
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            for statement in dice.choice(pages):
                answer = bare.execute(statement)
                while answer.nextset():
                    pass
            times.append(time.perf_counter() - start)
    return times


def book_paths() -> list[str]:
    """Two hundred books."""
    from django.db.models import F
    from django.db.models.functions import Mod

    from catalog.models import Book

    return [
        f"/books/{uid}/"
        for uid in Book.objects.filter(pk__lte=1_000_000)
        .annotate(rest=Mod(F("pk"), 997))
        .filter(rest=5)
        .values_list("uid", flat=True)[:200]
    ]


def at_once(
    work: Callable[[list[Any], int, float], list[float]], listed: list[Any], clients: int, seconds: float
) -> list[float]:
    """How long each took, in seconds, done by so many processes."""
    from django.db import connection

    connection.close()
    with multiprocessing.get_context("fork").Pool(clients) as pool:
        results = pool.starmap(work, [(listed, client, seconds) for client in range(clients)])
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


def percentile(times: list[float], percent: int) -> float:
    """In milliseconds."""
    return quantiles(times, n=100)[percent - 1] * 1000


if __name__ == "__main__":
    main()
