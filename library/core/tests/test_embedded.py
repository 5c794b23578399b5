"""Every way in which embedded servers were seen to fail, with real PostgreSQL and Valkey processes."""

import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import environ
import psycopg
import pytest
import redis
from kombu import Connection

from library.core import embedded, processes
from library.core.embedded import EmbeddedError, Postgres, Valkey
from library.core.tests.test_processes import wait_until

ROOT = Path(__file__).parents[3]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")


@pytest.fixture
def postgres(home, furnish):
    """A server whose files are there already."""
    furnish(home)
    server = Postgres(home, durable=False)
    yield server
    server.stop()


@pytest.fixture
def new_postgres(home):
    """A server that makes its files at its first start."""
    server = Postgres(home, durable=False)
    yield server
    server.stop()


@pytest.fixture
def valkey(home):
    server = Valkey(home)
    yield server
    server.stop()


def connect(server):
    """As Django does: through django-environ's reading of the URL."""
    config = environ.Env.db_url_config(server.url)
    return psycopg.connect(host=config["HOST"], user=config["USER"], dbname=config["NAME"], autocommit=True)


def ask(server, sql):
    with connect(server) as connection:
        return connection.execute(sql).fetchone()[0]


def kill(server):
    server.process.kill()
    server.process.wait()


# --- PostgreSQL ----------------------------------------------------------------------------------------------------
def test_it_starts_answers_on_a_private_socket_only_and_stops(new_postgres):
    new_postgres.start()
    assert ask(new_postgres, "SELECT current_setting('server_version_num')::int / 10000") == 18
    assert ask(new_postgres, "SELECT current_setting('listen_addresses')") == ""
    assert stat.S_IMODE((new_postgres.sockets / ".s.PGSQL.5432").stat().st_mode) == 0o700
    new_postgres.stop()
    assert new_postgres.process.returncode == 0
    assert not (new_postgres.data / "postmaster.pid").exists()


@pytest.mark.parametrize("locale", ["C", "xx_XX.UTF-8"])
def test_cyrillic_has_case_in_whatever_locale_it_was_made(new_postgres, monkeypatch, locale):
    monkeypatch.setenv("LC_ALL", locale)
    new_postgres.start()
    assert ask(new_postgres, "SELECT lower('ЁЛКА') || upper('ж')") == "ёлкаЖ"
    assert ask(new_postgres, "SELECT 'Анна КАРЕНИНА' ILIKE '%каренина%'") is True
    assert ask(new_postgres, "SELECT to_tsvector('russian', 'книги о войне') @@ to_tsquery('russian', 'война')") is True


def test_variables_meant_for_other_servers_lead_nowhere(new_postgres, monkeypatch):
    for name, value in {"PGHOST": "db.example", "PGDATA": "/nowhere", "PGPORT": "1", "PGDATABASE": "other"}.items():
        monkeypatch.setenv(name, value)
    new_postgres.start()
    assert new_postgres._psql("SELECT 1") == "1"


def test_a_stale_pid_file_with_a_reused_pid_does_no_harm(postgres):
    postgres.start()
    files = [postgres.data / "postmaster.pid", postgres.sockets / ".s.PGSQL.5432.lock"]
    contents = [file.read_text() for file in files]
    postgres.stop()
    innocent = subprocess.Popen(["sleep", "60"])
    for file, content in zip(files, contents, strict=True):
        file.write_text(re.sub(r"^\d+", str(innocent.pid), content))
    (postgres.sockets / ".s.PGSQL.5432").touch()
    postgres.start()
    postgres.stop()
    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_nothing_committed_is_lost_by_kill_9(home, furnish):
    furnish(home)
    server = Postgres(home)
    server.start()
    with connect(server) as connection:
        connection.execute("CREATE TABLE book AS SELECT 'Война и мир' AS title")
    kill(server)
    server.start()
    assert ask(server, "SELECT title FROM book") == "Война и мир"
    server.stop()


def test_it_starts_though_a_busy_backend_outlives_a_killed_server(postgres):
    postgres.start()

    def compute():
        with pytest.raises(psycopg.OperationalError):
            ask(postgres, "SELECT count(*) FROM generate_series(1, 100000000000) a")

    busy = threading.Thread(target=compute)
    busy.start()
    wait_until(lambda: ask(postgres, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%'") > 1)
    kill(postgres)
    assert processes.running_in(postgres.data, "postgres")
    postgres.start()
    assert ask(postgres, "SELECT 1") == 1
    busy.join()


def test_a_server_left_running_by_another_is_ended_first(postgres):
    postgres.start()
    first = postgres.process
    again = Postgres(postgres.home, durable=False)
    again.start()
    assert first.wait(5) == 0
    assert ask(again, "SELECT 1") == 1
    again.stop()


def test_it_dies_with_its_owner(home, furnish):
    furnish(home)
    owner = subprocess.Popen([sys.executable, "-c", owner_script(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline() == "ready\n"
    assert processes.running_in(home / "postgres", "postgres")
    owner.kill()
    owner.communicate()
    wait_until(lambda: not processes.running_in(home / "postgres", "postgres"))


def owner_script(home, uid=None):
    """Starts a PostgreSQL and sleeps; as user `uid` if given (after the imports: our Python may lie in root's home)."""
    become = f"os.setgroups([]); os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid})" if uid else ""
    return textwrap.dedent(f"""
        import os, sys, time
        from pathlib import Path
        from library.core.embedded import Postgres
        {become}
        server = Postgres(Path({str(home)!r}), durable=False)
        server.start()
        print("ready", flush=True)
        time.sleep(60)
    """)


def test_a_half_made_cluster_is_made_again(new_postgres):
    """Initdb was killed."""
    (new_postgres.home / "postgres.new").mkdir()
    (new_postgres.home / "postgres.new" / "PG_VERSION").write_text("18\n")
    new_postgres.start()
    assert ask(new_postgres, "SELECT 1") == 1
    assert not (new_postgres.home / "postgres.new").exists()


def test_a_missing_database_is_made(postgres):
    """The first start was killed between the two steps."""
    postgres.start()
    postgres._psql("DROP DATABASE library")
    postgres.stop()
    postgres.start()
    assert ask(postgres, "SELECT current_database()") == "library"


@pytest.mark.parametrize("name", ["a" * 120, "Моя библиотека", "книги " * 15, "a+b%2F?c#d@e"])
def test_long_and_odd_paths(home, furnish, name):
    """A socket's path has 107 bytes, and URLs are parsed by four libraries that disagree about quoting."""
    (home / name).mkdir()
    furnish(home / name)
    server, queue = Postgres(home / name, durable=False), Valkey(home / name, durable=False)
    server.start()
    queue.start()
    assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
    assert ask(server, "SELECT 1") == 1
    assert redis.Redis.from_url(queue.url).ping()
    with Connection(queue.url.replace("unix://", "redis+socket://")) as connection:
        connection.ensure_connection(max_retries=1)
    server.stop()
    queue.stop()
    embedded._remove(home / name)
    assert not server.sockets.exists()


def test_the_longest_path_that_fits_is_used_as_it_is():
    longest = Path("/" + "x" * (107 - len("/" + "/.s.PGSQL.5432")))
    assert embedded._socket_directory(longest, ".s.PGSQL.5432") == longest
    too_long = Path(str(longest) + "x")
    short = embedded._socket_directory(too_long, ".s.PGSQL.5432")
    assert short.parent == Path("/tmp")  # noqa: S108 - the place is the point
    short.rmdir()


@needs_root
def test_a_directory_that_somebody_prepared_in_tmp_is_refused():
    home = Path("/" + "z" * 120)
    trap = embedded._short_directory(home)
    trap.mkdir()
    os.chown(trap, 54321, 54321)
    try:
        with pytest.raises(EmbeddedError, match="not a private directory of yours"):
            embedded._socket_directory(home, ".s.PGSQL.5432")
    finally:
        trap.rmdir()


@needs_root
def test_as_root_nothing_outside_its_home_changes(new_postgres):
    parents = list(new_postgres.home.parents)
    before = [path.stat().st_mode for path in parents], pwd.getpwall()
    new_postgres.start()
    assert ([path.stat().st_mode for path in parents], pwd.getpwall()) == before
    assert new_postgres.data.stat().st_uid == 0
    status = Path(f"/proc/{new_postgres.process.pid}/status").read_text()
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE), "the server keeps no privilege of root"


@needs_root
@pytest.mark.parametrize("uid", [65534, 54321], ids=["nobody", "a uid without passwd entry"])
def test_as_another_user_beside_roots(postgres, uid):
    postgres.start()
    theirs = Path(tempfile.mkdtemp(prefix="library-test-"))
    os.chown(theirs, uid, uid)
    owner = subprocess.Popen([sys.executable, "-c", owner_script(theirs, uid)], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout.readline() == b"ready\n"
    assert (theirs / "postgres").stat().st_uid == uid
    owner.terminate()
    owner.communicate()
    wait_until(lambda: not (theirs / "postgres" / "postmaster.pid").exists())
    shutil.rmtree(theirs)


@needs_root
def test_somebody_elses_cluster_is_refused(new_postgres):
    new_postgres.data.mkdir()
    os.chown(new_postgres.data, 65534, 65534)
    with pytest.raises(EmbeddedError, match=r"belongs to nobody: start as that user\."):
        new_postgres.start()


@needs_root
def test_root_without_user_namespaces_is_told_what_to_do(new_postgres, monkeypatch):
    monkeypatch.setattr(embedded, "IN_NAMESPACE", ("false",))
    with pytest.raises(EmbeddedError, match="Start as an ordinary user, or set DATABASE_URL"):
        new_postgres.start()
    monkeypatch.setattr(embedded, "IN_NAMESPACE", ("/no/such/unshare",))
    with pytest.raises(EmbeddedError, match="Start as an ordinary user, or set DATABASE_URL"):
        new_postgres.start()


def test_a_server_that_does_not_start_says_why(postgres):
    postgres.start()
    postgres.stop()
    (postgres.data / "postgresql.conf").write_text("shared_buffers = plenty\n")
    with pytest.raises(EmbeddedError, match="invalid value for parameter"):
        postgres.start()


def test_a_missing_package_is_named(new_postgres, monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match="`make setup` installs it"):
        new_postgres.start()


def test_the_bundle_saves_and_restores(postgres, home):
    """With the server's own pg_dump: the one on the PATH may be older, and refuses."""
    postgres.start()
    with connect(postgres) as connection:
        connection.execute("CREATE TABLE book AS SELECT 'Война и мир' AS title")
    address = ["-h", str(postgres.sockets), "-U", "library"]
    pg_dump, pg_restore = (embedded._postgres_binary(name) for name in ("pg_dump", "pg_restore"))
    subprocess.run([pg_dump, *address, "-Fc", "-f", home / "saved", "library"], check=True)
    with connect(postgres) as connection:
        connection.execute("DROP TABLE book")
    subprocess.run([pg_restore, *address, "-d", "library", home / "saved"], check=True)
    assert ask(postgres, "SELECT title FROM book") == "Война и мир"


# --- Valkey --------------------------------------------------------------------------------------------------------
def test_valkey_keeps_everything_through_kill_9_and_a_stale_socket(valkey):
    valkey.start()
    client = redis.Redis.from_url(valkey.url)
    client.rpush("celery", *range(50))
    time.sleep(1.1)  # appendfsync everysec
    kill(valkey)
    assert valkey.socket.exists()
    valkey.start()
    assert client.llen("celery") == 50


def test_a_valkey_left_running_is_ended_first(valkey):
    valkey.start()
    redis.Redis.from_url(valkey.url).set("book", "1")
    again = Valkey(valkey.home)
    again.start()
    assert valkey.process.wait(5) == 0
    assert redis.Redis.from_url(again.url).get("book") == b"1"
    again.stop()


def test_valkey_is_private_and_has_room_for_parallel_tests(valkey):
    valkey.start()
    assert stat.S_IMODE(valkey.socket.stat().st_mode) == 0o700
    assert redis.Redis.from_url(valkey.url.replace("db=0", "db=63")).ping()


# --- One at a time -------------------------------------------------------------------------------------------------
def test_a_second_copy_is_refused_with_the_pid_of_the_first(home):
    with (
        embedded.exclusive(home),
        pytest.raises(EmbeddedError, match=rf"Already running in {home} \(process {os.getpid()}\)"),
        embedded.exclusive(home),
    ):
        pass


def test_the_lock_of_a_killed_copy_is_free(home):
    script = (
        "import time; from pathlib import Path; from library.core import embedded\n"
        f"with embedded.exclusive(Path({str(home)!r})):\n    print('locked', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    other.stdout.readline()
    with pytest.raises(EmbeddedError), embedded.exclusive(home):
        pass
    other.kill()
    other.communicate()
    with embedded.exclusive(home):
        assert (home / "run.lock").read_text() == str(os.getpid())


def test_a_directory_of_somebody_else_is_refused(home, monkeypatch):
    def deny(*_args, **_kwargs):
        raise PermissionError

    monkeypatch.setattr(Path, "mkdir", deny)
    with (
        pytest.raises(EmbeddedError, match=r"Cannot write to .*: start as the user that owns it\."),
        embedded.exclusive(home),
    ):
        pass


# --- Throw-away servers --------------------------------------------------------------------------------------------
def test_a_command_runs_beside_throw_away_servers_and_leaves_nothing(home):
    command = [sys.executable, "-m", "library.core.embedded", "sh", "-c", "env; exit 7"]
    environment = {"PATH": os.environ["PATH"], "LIBRARY_VAR_DIR": str(home)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 7, result.stderr
    given = dict(line.split("=", 1) for line in result.stdout.splitlines())
    assert given["DATABASE_URL"].startswith("postgres://library@//")
    assert given["REDIS_URL"].startswith("unix:///")
    assert len(given["DJANGO_SECRET_KEY"]) > 50
    assert list((home / "throw-away").glob("*/")) == []


def test_servers_that_were_named_are_used(home):
    given = {"DATABASE_URL": "postgres://db.example/library", "REDIS_URL": "redis://queue.example/0"}
    with embedded.throw_away(home, given | {"DJANGO_SECRET_KEY": "known"}) as values:
        assert values == given | {"DJANGO_SECRET_KEY": "known"}
    with embedded.throw_away(home, {"DATABASE_URL": "postgres://db.example/library"}) as values:
        assert values["DATABASE_URL"] == "postgres://db.example/library"
        assert redis.Redis.from_url(values["REDIS_URL"]).ping()


def test_what_a_killed_run_left_is_removed_and_what_runs_is_not(home):
    abandoned = home / "abandoned"
    abandoned.mkdir()
    (abandoned / "run.lock").write_text("1")
    given = {"DATABASE_URL": "postgres://db.example/library", "REDIS_URL": "redis://queue.example/0"}
    with embedded.throw_away(home, given):
        assert not abandoned.exists()
        with embedded.throw_away(home, given):
            assert len(list(home.glob("*/"))) == 2
    assert list(home.glob("*/")) == []


def test_the_command_hears_sigterm(home):
    environment = os.environ | {"LIBRARY_VAR_DIR": str(home), "DATABASE_URL": "postgres://x/y", "REDIS_URL": ""}
    command = [sys.executable, "-m", "library.core.embedded", "sh", "-c", "echo ready; exec sleep 60"]
    runner = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    runner.stdout.readline()
    time.sleep(0.2)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=10)
    assert list((home / "throw-away").glob("*/")) == []
