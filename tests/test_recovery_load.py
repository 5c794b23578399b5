"""kill -9 in the middle of a load over the API: what was acknowledged is there once, the rest at most once.

Eight clients lend, charge, take money and take back, each call with an idempotency key of its own, on a durable server
of their own. A web worker, then the whole web server, then the database are killed; each time the clients that got no
answer wait, the invariants are verified, and the calls in doubt are made again with the same keys.

    RECOVERY_OPERATIONS=2000 pytest tests/test_recovery_load.py

makes as many calls as one likes.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from accounts import tokens
from accounts.tests.factories import AdminFactory, ReaderFactory
from catalog.tests.factories import BookFactory, CopyFactory
from library.core import processes
from library.core.embedded import Postgres, _postgres_binary
from policies.tests.factories import BranchFactory, DefaultRuleFactory, ItemTypeFactory
from tests.processes import ROOT, kill, process, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CLIENTS = 8
OPERATIONS = int(os.environ.get("RECOVERY_OPERATIONS", "96"))
VICTIMS = ("worker", "server", "database")
PATIENCE = 120


@dataclass(frozen=True)
class Call:
    """One call of the API, and how to count what it has done."""

    path: str
    body: dict
    effects: str
    """A statement with `copy`, `reader` and `amount`."""
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def facts(self):
        return {name: self.body.get(name) for name in ("copy", "reader", "amount")}


LENT = "SELECT count(*) FROM circulation_loan JOIN catalog_copy c ON c.id = copy_id WHERE c.barcode = %(copy)s"
TAKEN_BACK = (
    "SELECT count(*) FROM core_auditentry e JOIN circulation_loan l ON l.id = e.subject_id"
    " JOIN catalog_copy c ON c.id = l.copy_id"
    " WHERE e.action = 'circulation.return' AND l.returned_at IS NOT NULL AND c.barcode = %(copy)s"
)
ENTERED = (
    "SELECT count(*) FROM cashdesk_entry e JOIN accounts_reader r ON r.id = e.reader_id"
    " WHERE r.uid = %(reader)s AND amount = %(amount)s AND kind = '{}'"
)


def calls_of(number, copies, reader, branch):
    """What a client does: for each copy four calls, of an amount that nothing else has."""
    calls = []
    for n, copy in enumerate(copies):
        amount = f"{number + 1}.{n:02}" if n < 100 else f"{number + 1}{n:03}.00"
        of_reader = {"reader": str(reader.uid), "branch": branch.code, "amount": amount}
        calls += [
            Call("loans/", {"reader": reader.card_number, "copy": copy.barcode}, LENT),
            Call("charges/", of_reader | {"reason": "Копии"}, ENTERED.format("manual")),
            Call("payments/", of_reader | {"method": "cash"}, ENTERED.format("payment")),
            Call("loans/return/", {"copy": copy.barcode}, TAKEN_BACK),
        ]
    return calls


class Client(threading.Thread):
    """Makes its calls one after another; waits to be told when one is not answered, and then makes it again."""

    def __init__(self, port, token, calls):
        super().__init__(daemon=True)
        self.port, self.token, self.calls = port, token, calls
        self.acknowledged, self.in_doubt = [], None
        self.told, self.faults = threading.Event(), []
        self.doubted = 0

    def run(self):
        for call in self.calls:
            while not self.is_answered(call):
                self.told.clear()
                self.in_doubt = call
                self.doubted += 1
                if not self.told.wait(PATIENCE):
                    self.faults.append(f"nobody said to go on with {call}")
                    return
                self.in_doubt = None
            self.acknowledged.append(call)

    def is_answered(self, call):
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": call.key,
        }
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as web:
            try:
                web.request("POST", f"/api/v1/{call.path}", json.dumps(call.body), headers)
                answer = web.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                return False
        if answer.status >= 500:
            return False
        if answer.status not in (200, 201):
            self.faults.append((call, answer.status, said[:500]))
        return True


class Site:
    """The database server and the web server, which can be killed and started again."""

    def __init__(self, home):
        self.home = home
        self.postgres = Postgres(home / "db", durable=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.web = None

    def start(self):
        """A cluster with all that is in the test database, and the web server on it."""
        self.postgres.start()
        here = connection.get_connection_params()
        address = ["-h", here["host"], "-p", str(here.get("port") or 5432), "-U", here["user"]]
        dump = subprocess.run(
            [_postgres_binary("pg_dump"), *address, "--no-owner", "--exclude-schema=baseline", here["dbname"]],
            check=True,
            capture_output=True,
        ).stdout
        self.psql = [_postgres_binary("psql"), "-q", "-h", str(self.postgres.sockets), "-U", "library", "library"]
        subprocess.run(self.psql, input=dump, check=True, capture_output=True)
        self.start_web()

    def start_web(self):
        arguments = ("-m", "gunicorn", "library.wsgi", "--workers", "2", "--bind", f"127.0.0.1:{self.port}")
        given = {"DATABASE_URL": self.postgres.url, "DJANGO_ALLOWED_HOSTS": "127.0.0.1"}
        self.context = process(*arguments, log=self.home / "web.log", **given)
        self.web = self.context.__enter__()
        wait_until(self.is_up, what="the web server answers", log=self.home / "web.log")

    def is_up(self):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as web:
            try:
                web.request("GET", "/api/v1/branches/")
                return web.getresponse().status == 200
            except OSError:
                return False

    def kill(self, victim):
        if victim == "worker":
            os.kill(self.workers()[0], signal.SIGKILL)
        elif victim == "server":
            kill(self.web)
        else:
            processes.end(processes.running_in(self.postgres.data, "postgres"), by=signal.SIGKILL, patience=10)

    def workers(self):
        children = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def repair(self, victim):
        if victim == "server":
            self.start_web()
        elif victim == "database":
            self.postgres.start()
        wait_until(self.is_up, what="the site is up again", log=self.home / "web.log")

    def counts(self, calls):
        """How often each of the calls has had its effect."""
        with psycopg.connect(host=str(self.postgres.sockets), user="library", dbname="library") as database:
            return [database.execute(call.effects, call.facts).fetchone()[0] for call in calls]

    def verify(self):
        """The command says that every invariant holds."""
        checked = subprocess.run(
            [sys.executable, "manage.py", "check_integrity"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": self.postgres.url, "DJANGO_SETTINGS_MODULE": "library.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr

    def stop(self):
        if self.web:
            kill(self.web)
        self.postgres.stop()


@contextmanager
def site() -> Iterator[Site]:
    home = Path(tempfile.mkdtemp(prefix="library-test-"))
    running = Site(home)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


def test_killed_in_the_middle_of_a_load():
    DefaultRuleFactory()
    branch, item_type, admin = BranchFactory(code="centre"), ItemTypeFactory(), AdminFactory()
    each = OPERATIONS // CLIENTS // 4
    common = {"book": BookFactory(), "branch": branch, "item_type": item_type}
    plans = [
        calls_of(number, CopyFactory.create_batch(each, **common), ReaderFactory(home_branch=branch), branch)
        for number in range(CLIENTS)
    ]
    token = str(tokens.issue(admin)["access"])
    with site() as running:
        clients = [Client(running.port, token, plan) for plan in plans]
        for client in clients:
            client.start()
        for n, victim in enumerate(VICTIMS, start=1):
            goal = OPERATIONS * n // (len(VICTIMS) + 1)
            wait_until(lambda goal=goal: done(clients) >= goal, what=f"{goal} calls", seconds=PATIENCE)
            running.kill(victim)
            if victim != "worker":
                wait_until(lambda: all(waits_or_ended(one) for one in clients), what="every client notices")
            running.repair(victim)
            if victim == "database":
                running.verify()
            in_doubt = [call for client in clients if (call := client.in_doubt)]
            assert set(running.counts(in_doubt)) <= {0, 1}
            go_on(clients)
        wait_until(lambda: go_on(clients) == 0, what="every client ends", seconds=PATIENCE)
        for client in clients:
            assert client.faults == []
            assert client.acknowledged == client.calls
            assert set(running.counts(client.calls)) == {1}
        running.verify()
        doubted = sum(client.doubted for client in clients)
        assert doubted >= 2
        print(f"\n{done(clients)} calls, {doubted} of them in doubt and made again")  # noqa: T201 # with -s


def done(clients):
    return sum(len(client.acknowledged) for client in clients)


def waits_or_ended(client):
    return client.in_doubt is not None or not client.is_alive()


def go_on(clients):
    """Tell those that wait to make their call again; how many are still at work."""
    for client in clients:
        if client.in_doubt is not None:
            client.told.set()
    time.sleep(0.02)
    return sum(client.is_alive() for client in clients)
