"""`make run` as people treat it: started, started twice, interrupted, killed, with everything in its way."""

import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time

import psycopg
import pytest
import redis

from library.core import processes, runner
from library.core.runner import MARK, ROOT, Program, RunError, Runner
from library.core.tests.test_processes import wait_until

READY = "Ctrl-C stops the library."


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Run:
    """A run in a process of its own, with a bare environment as from a fresh login."""

    def __init__(self, var, **variables):
        self.var = var
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "LIBRARY_VAR_DIR": str(var),
            "LIBRARY_ENV_FILE": str(var / "no.env"),
            "PORT": str(self.port),
            "LIBRARY_DEMO": "false",
            "http_proxy": "http://127.0.0.1:9",
            "LC_ALL": "C",
            **variables,
        }
        self.output = var.with_name(var.name + ".out")

    def start(self):
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "library.core.runner"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: READY in self.said() or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.said()

    def said(self):
        return self.output.read_text()

    def get(self, path, timeout=5):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request("GET", path)
        return connection.getresponse()

    def is_ready(self):
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def pids(self, *names):
        marked = [pid for name in names for pid in processes.carrying(MARK, f"{name} in {self.var}")]
        return marked or [pid for name in names for pid in processes.running_in(self.var / name, SERVERS.get(name, ""))]

    def everything(self):
        return [pid for name in ("prepare", "web", "worker", "beat", "postgres", "valkey") for pid in self.pids(name)]

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        return self.process.wait(60)


SERVERS = {"postgres": "postgres", "valkey": "valkey-server"}


@pytest.fixture
def run(home):
    started = []

    def make(**variables):
        started.append(Run(home / "var", **variables))
        return started[-1]

    yield make
    for one in started:
        if getattr(one, "process", None) and one.process.poll() is None:
            one.stop(signal.SIGKILL)
        processes.end(one.everything(), by=signal.SIGKILL, patience=5)


@pytest.mark.slow
def test_two_days_of_a_library(run):
    """One after the other, as a fresh library takes the longest to make."""
    library = run(LIBRARY_DEMO="true")
    library.start()
    a_good_day(library)
    library.start()
    a_rough_day(library)


def a_good_day(library):
    assert f"http://127.0.0.1:{library.port}/" in library.said()
    assert library.get("/healthz").status == 200
    assert library.is_ready()
    assert library.get("/accounts/login/").status == 200

    idle = [socket.create_connection(("127.0.0.1", library.port)) for _ in range(6)]
    assert library.get("/accounts/login/", timeout=4).status == 200, "browsers open connections ahead of need"
    for connection in idle:
        connection.close()

    sign_ins = json.loads((library.var / "credentials.json").read_text())
    assert [person["role"] for person in sign_ins] == ["admin", "librarian", "reader"]
    for person in sign_ins:
        assert re.search(rf"{person['role']} +{person['email']} +{re.escape(person['password'])}\n", library.said())
    for name in ("secret_key", "embedded.env", "credentials.json"):
        assert stat.S_IMODE((library.var / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(library.var.stat().st_mode) == 0o700

    elsewhere = subprocess.run(
        [
            sys.executable,
            "manage.py",
            "shell",
            "-v0",
            "-c",
            "from django.db import connection as c; print(c.settings_dict['HOST'])",
        ],
        cwd=ROOT,
        env={name: library.environment[name] for name in ("PATH", "LIBRARY_VAR_DIR", "LIBRARY_ENV_FILE")},
        capture_output=True,
        text=True,
    )
    assert elsewhere.stdout.strip() == str(library.var), elsewhere.stderr

    second = subprocess.run(
        [sys.executable, "-m", "library.core.runner"],
        cwd=ROOT,
        env=library.environment | {"PORT": str(free_port())},
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert second.stderr == f"Already running in {library.var} (process {library.process.pid}).\n"
    assert library.is_ready()

    lines = [json.loads(line) for line in (library.var / "log" / "web.log").read_text().splitlines()]
    assert any(line.get("path") == "/accounts/login/" and line["status"] == 200 for line in lines)
    assert not any(line.get("path") in ("/healthz", "/readyz") for line in lines)

    assert library.stop(signal.SIGINT) == 0
    assert library.said().endswith("Stopping.\nStopped.\n")
    assert library.everything() == []
    assert not (library.var / "postgres" / "postmaster.pid").exists()


def a_rough_day(library):
    key = (library.var / "secret_key").read_text()
    with psycopg.connect(host=str(library.var), user="library", dbname="library", autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Война и мир' AS title")
    redis.Redis(unix_socket_path=str(library.var / "valkey.sock")).set("kept", "yes")

    before = {name: set(library.pids(name)) for name in ("web", "worker", "beat")}
    for name, pids in before.items():
        os.kill(min(pids), signal.SIGKILL)
        wait_until(lambda: f"{name} ended (SIGKILL) and starts again in 1 s" in library.said(), 10)  # noqa: B023
    for name, pids in before.items():
        wait_until(lambda: set(library.pids(name)) - pids, 20)  # noqa: B023
    wait_until(library.is_ready, 30)
    os.kill(library.pids("valkey")[0], signal.SIGKILL)
    wait_until(lambda: "valkey ended (SIGKILL) and starts again" in library.said(), 10)
    wait_until(library.is_ready, 10)

    time.sleep(1.1)  # appendfsync everysec
    for pid in [library.process.pid, *library.everything()]:
        os.kill(pid, signal.SIGKILL) if processes.is_alive(pid) else None
    library.process.wait()
    library.start()
    assert library.is_ready()
    assert (library.var / "secret_key").read_text() == key
    with psycopg.connect(host=str(library.var), user="library", dbname="library") as connection:
        assert connection.execute("SELECT title FROM kept").fetchone() == ("Война и мир",)
    assert redis.Redis(unix_socket_path=str(library.var / "valkey.sock")).get("kept") == b"yes"

    library.process.kill()
    library.process.wait()
    library.start()  # at once: what the killed one left is still ending
    assert library.is_ready()

    os.kill(library.pids("postgres")[0], signal.SIGKILL)
    assert library.process.wait(60) == 1
    assert "PostgreSQL ended (SIGKILL). See " in library.said()
    assert library.everything() == []


@pytest.mark.slow
def test_interrupted_while_it_starts(run):
    library = run()
    with library.output.open("w") as output:
        command = [sys.executable, "-m", "library.core.runner"]
        library.process = subprocess.Popen(command, cwd=ROOT, env=library.environment, stdout=output)
    wait_until(lambda: library.pids("prepare"), 30)
    assert library.stop(signal.SIGTERM) == 0
    assert library.everything() == []


def test_given_servers_are_used_and_embedded_ones_not_started(home, monkeypatch):
    given = {"DATABASE_URL": "postgres://db.example/library", "REDIS_URL": "redis://queue.example/0"}
    library = Runner(given | {"LIBRARY_VAR_DIR": str(home)})
    library._start_servers()
    library._complete_environment()
    assert library.servers == []
    assert library.environment["DATABASE_URL"] == given["DATABASE_URL"]
    kept = (home / "embedded.env").read_text()
    assert "DATABASE_URL='postgres://db.example/library'\n" in kept
    assert "REDIS_URL='redis://queue.example/0'\n" in kept


def test_either_server_may_be_given_alone(home):
    library = Runner({"DATABASE_URL": "postgres://db.example/library", "LIBRARY_VAR_DIR": str(home)})
    library._start_servers()
    try:
        assert [server.name for server in library.servers] == ["valkey"]
        assert library.environment["REDIS_URL"] == f"unix://{home}/valkey.sock?db=0"
        assert library.environment["CACHE_URL"] == f"unix://{home}/valkey.sock?db=1"
    finally:
        library.servers[0].stop()


def test_what_the_user_set_stays(home):
    given = {
        "LIBRARY_VAR_DIR": str(home),
        "DATABASE_URL": "x",
        "REDIS_URL": "x",
        "DJANGO_SECRET_KEY": "mine",
        "LIBRARY_URL": "https://books.example",
        "EMAIL_URL": "smtp://mail.example",
    }
    library = Runner(given)
    library._complete_environment()
    assert {name: library.environment[name] for name in given} == given


# --- What can be in its way ----------------------------------------------------------------------------------------
def refusal(home, **variables):
    result = subprocess.run(
        [sys.executable, "-m", "library.core.runner"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LIBRARY_VAR_DIR": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    return result.stderr


def test_a_taken_port_is_named_with_the_way_out(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refusal(home, PORT=str(port)) == (
            f"Port {port} is taken by another program. Choose another: make run PORT={port + 1}\n"
        )
    assert not (home / "postgres").exists()


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "80.0"])
def test_what_is_no_port_is_said_to_be_none(home, port):
    assert refusal(home, PORT=port) == (
        f"PORT={port} is no port: give a number from 1 to 65535, for example PORT=8001.\n"
    )


def test_a_host_that_is_not_ours(home):
    assert refusal(home, HOST="192.0.2.1", PORT=str(free_port())).startswith(
        "HOST=192.0.2.1 is no address of this machine"
    )
    assert refusal(home, HOST="no.such.host.invalid", PORT=str(free_port())).startswith(
        "HOST=no.such.host.invalid is no"
    )


def test_a_low_port_needs_root(monkeypatch):
    def deny(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", deny)
    with pytest.raises(RunError, match="Only root may use port 80"):
        runner._check_port("127.0.0.1", 80)


def test_a_failing_preparation_shows_why(home, monkeypatch):
    library = Runner(
        {"LIBRARY_VAR_DIR": str(home), "DATABASE_URL": "postgres://nobody@127.0.0.1:9/x", "REDIS_URL": "x"}
    )
    library._complete_environment()
    monkeypatch.chdir(ROOT)
    with pytest.raises(RunError, match=r"could not be prepared[\s\S]*Connection refused"):
        library._prepare()


# --- Starting again ------------------------------------------------------------------------------------------------
def test_a_program_that_keeps_ending_starts_ever_more_slowly(home, monkeypatch, capsys):
    clock = [1000.0]
    monkeypatch.setattr(runner.time, "monotonic", lambda: clock[0])
    program = Program("web", ["false"], var=home, environment=os.environ)
    delays = []
    for _ in range(8):
        program.start().wait()
        program.watch()
        delays.append(program.start_at - clock[0])
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30]
    assert "web ended (exit code 1) and starts again in 30 s." in capsys.readouterr().out
    program.start().wait()
    clock[0] += 61
    program.watch()
    assert program.start_at - clock[0] == 1


def test_a_program_waits_for_its_time(home):
    program = Program("web", ["false"], var=home, environment=os.environ)
    first = program.start()
    first.wait()
    program.watch()
    program.watch()
    assert program.process is first
    program.start_at = 0
    program.watch()
    assert program.process is not first
    program.process.wait()


def test_orphans_of_a_killed_program_are_ended_before_it_starts_again(home):
    """Gunicorn's workers hold the port for seconds after their master was killed."""
    program = Program("web", ["sh", "-c", "sleep 60 & echo up; wait"], var=home, environment=os.environ)
    master = program.start()
    wait_until(lambda: program.log.exists() and "up" in program.log.read_text())
    master.kill()
    master.wait()
    orphans = processes.carrying(MARK, program.mark)
    assert orphans
    processes.stop(program.start())
    assert not any(map(processes.is_alive, orphans))
    processes.end(processes.carrying(MARK, program.mark), by=signal.SIGKILL, patience=5)


# --- Small parts ---------------------------------------------------------------------------------------------------
def test_a_private_file_is_private_from_its_first_byte(home):
    old = os.umask(0)
    try:
        runner.write_private(home / "secret", "one")
        runner.write_private(home / "secret", "two")
    finally:
        os.umask(old)
    assert (home / "secret").read_text() == "two"
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["secret"]


def test_a_half_written_private_file_is_written_again(home):
    (home / "secret_key.new").write_text("half")
    assert runner._secret(home / "secret_key", "fresh") == "fresh"
    assert runner._secret(home / "secret_key", "another") == "fresh"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", ["localhost", "127.0.0.1", "[::1]"]),
        ("library.local", ["localhost", "127.0.0.1", "[::1]", "library.local"]),
        ("::", ["localhost", "127.0.0.1", "[::1]", "[::]"]),
    ],
)
def test_by_which_names_browsers_may_ask(host, expected):
    assert runner._own_names(host)[: len(expected)] == expected
    assert (socket.gethostname() in runner._own_names(host)) is (host != "127.0.0.1")


def test_a_closed_terminal_does_not_stop_it():
    script = "import sys; from library.core.runner import say\nfor _ in range(3): say('still here')\nsys.exit(7)"
    child = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    child.stdout.close()
    assert child.wait(20) == 7
