"""Check-out plus return per second through the API: HTTP, a JWT, the rules, audit and receipt; beside raw SQL.

    python -m benchmarks.api_checkout [--clients 1 8] [--rounds 3] [--seconds 5] [--workers 2] [--keys] [--here]

Starts a durable PostgreSQL of its own (`--here`: uses the server of DATABASE_URL), and gunicorn with two workers as in
production. Each client is a process with copies and readers of its own; with `--keys` every call carries an
`Idempotency-Key`. In turn with it, several rounds, medians: the same transaction as prepared statements by pgbench, and
the least that is safe (see benchmarks/checkout.py).
"""

import argparse
import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from benchmarks.checkout import SLICE, by_pgbench, fill, server
from benchmarks.scratch import scratch_database


def main() -> None:
    """Measure every number of clients asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8], help="clients at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="length of a round")
    parser.add_argument("--workers", type=int, default=2, help="workers of gunicorn")
    parser.add_argument("--keys", action="store_true", help="send an Idempotency-Key with every call")
    parser.add_argument("--here", action="store_true", help="use the server of DATABASE_URL")
    options = parser.parse_args()
    with server(here=options.here), scratch_database("api_checkout"):
        world = fill(0, clients=max(options.clients))
        token = access_token()
        with web_server(options.workers) as port:
            for clients in options.clients:
                found: dict[str, list[Any]] = {"api": [], "same": [], "floor": [], "check_out": [], "return": []}
                for _ in range(options.rounds):
                    pairs, check_outs, returns = by_http(port, token, clients, options.seconds, keys=options.keys)
                    found["api"].append(pairs)
                    found["check_out"] += check_outs
                    found["return"] += returns
                    found["same"].append(by_pgbench(world, "checkout_same.sql", clients, options.seconds))
                    found["floor"].append(by_pgbench(world, "checkout_floor.sql", clients, options.seconds))
                report(clients, found)


def report(clients: int, found: dict[str, list[Any]]) -> None:
    """The figures of one number of clients, in words."""
    api, same, floor = (median(found[name]) for name in ("api", "same", "floor"))
    print(
        f"clients {clients}: check-out + return per second: API {api:.0f}, same as SQL {same:.0f} ({api / same:.0%}),"
        f" floor {floor:.0f} ({api / floor:.0%})"
    )
    for name in ("check_out", "return"):
        times = found[name]
        print(
            f"  {name}: p50 {median(times) * 1000:.1f} ms, p95 {quantiles(times, n=20)[18] * 1000:.1f} ms,"
            f" {clients / (sum(times) / len(times)):.0f} per second if nothing else were done"
        )


def access_token() -> str:
    """A librarian's, with all that the role may do."""
    from django.utils import timezone

    from accounts import actions, tokens
    from accounts.models import User

    librarian = User.objects.get()
    actions.set_role(user_id=librarian.pk, role="librarian", by=None, now=timezone.now())
    librarian.refresh_from_db()
    return str(tokens.issue(librarian)["access"])


@contextmanager
def web_server(workers: int, application: str = "library.wsgi") -> Iterator[int]:
    """gunicorn on the benchmark's database, by its port, from the first answer to the end."""
    from django.db import connection

    settings = connection.settings_dict
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = os.environ | {
        "DATABASE_URL": f"postgres://{settings['USER']}@/{settings['HOST']}/{settings['NAME']}",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "LIBRARY_HTTPS": "false",
    }
    command = [sys.executable, "-m", "gunicorn", application, "--workers", str(workers)]
    process = subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}", "--log-level", "error"], env=environment)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int) -> None:
    """Until the server answers; TimeoutError after a minute."""
    for _ in range(120):
        try:
            ask(port, "GET", "/api/v1/branches/")
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise TimeoutError("The web server did not come up.")


def ask(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> int:
    """One call; its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers or {})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def by_http(
    port: int, token: str, clients: int, seconds: float, *, keys: bool
) -> tuple[float, list[float], list[float]]:
    """Pairs per second, and how long each check-out and each return took, in seconds."""
    from django.db import connection

    connection.close()
    with multiprocessing.get_context("fork").Pool(clients) as pool:
        jobs = [(port, token, client, seconds, keys) for client in range(clients)]
        results = pool.starmap(lend_and_take_back, jobs)
    check_outs = [taken for times, _returns in results for taken in times]
    returns = [taken for _check_outs, times in results for taken in times]
    return len(returns) / seconds, check_outs, returns


def lend_and_take_back(
    port: int, token: str, client: int, seconds: float, keys: bool
) -> tuple[list[float], list[float]]:
    """One client: lend a copy of its own slice to a reader of its own slice, take it back, and so on."""
    times: tuple[list[float], list[float]] = ([], [])
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        which = client * SLICE + number % SLICE
        number += 1
        calls = (
            ("/api/v1/loans/", {"reader": f"R{which}", "copy": f"B{which}"}, 201),
            ("/api/v1/loans/return/", {"copy": f"B{which}"}, 200),
        )
        for kept, (path, body, expected) in zip(times, calls, strict=True):
            key = {"Idempotency-Key": uuid.uuid4().hex} if keys else {}
            start = time.perf_counter()
            status = ask(port, "POST", path, body, headers | key)
            kept.append(time.perf_counter() - start)
            if status != expected:
                raise AssertionError(f"{path} answered {status}")
    return times


if __name__ == "__main__":
    main()
