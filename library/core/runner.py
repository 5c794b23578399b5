"""`make run`: the whole library on one machine, started in order, watched, and stopped in order.

PostgreSQL and Valkey (embedded, unless DATABASE_URL and REDIS_URL name others), then web server, worker and beat.
Everything they keep lives under var/. Knows Django only by its commands.
"""

import errno
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import environ

from library.core import processes
from library.core.embedded import EmbeddedError, Postgres, Server, Valkey, exclusive, tail

ROOT = Path(__file__).resolve().parents[2]
MARK = "LIBRARY_RUN"
"""The variable by which a run recognises processes of an earlier one: `NAME in VAR`."""
DELAYS = (1, 2, 4, 8, 16, 30)
"""Seconds before a program that ended is started again: the first time, the second..."""
STEADY = 60
"""Seconds after which a program counts as started well: the delays begin anew."""
PATIENCE = 90
"""Seconds for the web server to be ready."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class RunError(Exception):
    """Why the library cannot run, said so that a person can act on it."""


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal. No Exception, so that only the runner catches it."""


class Program:
    """One of our own processes; started again, ever more slowly, when it ends."""

    def __init__(self, name: str, command: Sequence[str], *, var: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.command = command
        self.log = var / "log" / f"{name}.log"
        self.mark = f"{name} in {var}"
        self.environment = {**environment, MARK: self.mark}
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_at: float | None = None
        self.failures = 0

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, after ending what its forerunner left: orphaned workers would hold the port."""
        processes.end(processes.carrying(MARK, self.mark), by=signal.SIGTERM, patience=2)
        self.process = processes.spawn(self.command, log=self.log, env=self.environment)
        self.started_at = time.monotonic()
        self.start_at = None
        return self.process

    def watch(self) -> None:
        """Notice its end, and start it again when the time has come."""
        now = time.monotonic()
        if self.start_at is not None:
            if now >= self.start_at:
                self.start()
        elif self.process and self.process.poll() is not None:
            if now - self.started_at > STEADY:
                self.failures = 0
            delay = DELAYS[min(self.failures, len(DELAYS) - 1)]
            self.failures += 1
            self.start_at = now + delay
            say(f"{self.name} ended ({_ending(self.process)}) and starts again in {delay} s. See {self.log}")


class Runner:
    """One run of the library, from the lock on var/ to the end of the last process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.var = Path(self.environment.get("LIBRARY_VAR_DIR") or ROOT / "var").resolve()
        self.host = self.environment.get("HOST") or "127.0.0.1"
        self.port = _port(self.environment.get("PORT") or "8000")
        self.credentials = self.var / "credentials.json"
        self.servers: list[Server] = []
        self.programs: list[Program] = []

    def run(self) -> NoReturn:
        """Start everything, say where it is, and watch over it until somebody stops it."""
        started = time.monotonic()
        with exclusive(self.var), ExitStack() as stack:
            self._end_leftovers()
            _check_port(self.host, self.port)
            stack.callback(self._stop)
            self._start_servers()
            self._complete_environment()
            self._prepare()
            self._start_programs()
            self._announce(time.monotonic() - started)
            while True:
                self._watch()
                time.sleep(0.25)

    def _end_leftovers(self) -> None:
        marks = [f"{name} in {self.var}" for name in ("prepare", "web", "worker", "beat", "telegram")]
        leftovers = [pid for mark in marks for pid in processes.carrying(MARK, mark)]
        if leftovers:
            say("Ending what an earlier run left behind.")
            processes.end(leftovers, by=signal.SIGTERM, patience=5)

    def _start_servers(self) -> None:
        if not self.environment.get("DATABASE_URL"):
            self.environment["DATABASE_URL"] = self._start_server(Postgres(self.var))
        if not self.environment.get("REDIS_URL"):
            self.environment["REDIS_URL"] = url = self._start_server(Valkey(self.var))
            self.environment["CACHE_URL"] = url.replace("db=0", "db=1")

    def _start_server(self, server: Server) -> str:
        say(f"Starting {server.name}.")
        self.servers.append(server)
        server.start()
        return server.url

    def _complete_environment(self) -> None:
        """Add what the settings need and nobody gave; keep it in embedded.env for commands in another terminal."""
        defaults = {
            "DJANGO_SECRET_KEY": _secret(self.var / "secret_key", secrets.token_urlsafe(50)),
            "PUSH_PRIVATE_KEY": _secret(self.var / "push_key", secrets.token_urlsafe(32)),
            "DJANGO_ALLOWED_HOSTS": ",".join(_own_names(self.host)),
            "LIBRARY_HTTPS": "false",
            "LIBRARY_URL": f"http://{_in_url(_reachable(self.host))}:{self.port}",
            "EMAIL_URL": f"filemail:///{quote(str(self.var / 'mail'))}",
        }
        of_processes = {"LIBRARY_VAR_DIR": str(self.var), "WEB_CONCURRENCY": "2", "WEB_THREADS": "8"}
        for name, value in {**defaults, **of_processes}.items():
            self.environment[name] = self.environment.get(name) or value
        self.environment |= {"HOST": self.host, "PORT": str(self.port)}
        kept = (*defaults, "DATABASE_URL", "REDIS_URL", "CACHE_URL")
        lines = [f"{name}='{self.environment[name]}'\n" for name in kept if name in self.environment]
        write_private(self.var / "embedded.env", "".join(lines))

    def _prepare(self) -> None:
        say("Preparing the database, static files and the demo library (the first time takes half a minute).")
        command = [sys.executable, "manage.py", "prepare", "--static"]
        if self.environment.get("LIBRARY_DEMO", "true").lower() in environ.Env.BOOLEAN_TRUE_STRINGS:
            command += ["--demo", str(self.credentials)]
        program = Program("prepare", command, var=self.var, environment=self.environment)
        self.programs.append(program)
        if program.start().wait():
            raise RunError(f"The library could not be prepared. The end of {program.log}:\n{tail(program.log)}")
        self.programs.remove(program)

    def _start_programs(self) -> None:
        say("Starting web server, worker and beat.")
        python = (sys.executable, "-m")
        celery = (*python, "celery", "-A", "library")
        size = self.environment.get("WORKER_CONCURRENCY") or "2"
        commands = {
            "web": (*python, "gunicorn", "-c", "deploy/gunicorn.conf.py"),
            "worker": (*celery, "worker", "--concurrency", size, "--without-gossip", "--without-mingle"),
            "beat": (*celery, "beat", "--pidfile="),
        }
        if self.environment.get("TELEGRAM_BOT_TOKEN") and not self.environment.get("TELEGRAM_WEBHOOK_SECRET"):
            commands["telegram"] = (sys.executable, "manage.py", "telegram_bot")
        for name, command in commands.items():
            program = Program(name, command, var=self.var, environment=self.environment)
            self.programs.append(program)
            program.start()
        self._wait_for(self.programs[0])

    def _wait_for(self, web: Program) -> None:
        deadline = time.monotonic() + PATIENCE
        while not _is_ready(self.host, self.port):
            if not web.process or web.process.poll() is not None or time.monotonic() > deadline:
                raise RunError(f"The web server does not start. The end of {web.log}:\n{tail(web.log)}")
            time.sleep(0.1)

    def _announce(self, seconds: float) -> None:
        url = self.environment["LIBRARY_URL"]
        say(f"Ready after {seconds:.0f} s.\n")
        say(f"  Library  {url}/\n  Panel    {url}/admin/\n  API      {url}/api/docs/\n")
        if self.credentials.exists():
            people: list[dict[str, Any]] = json.loads(self.credentials.read_text())
            width = max(len(person["email"]) for person in people)
            for person in people:
                say(f"  Sign in as {person['role']:<10} {person['email']:<{width}}  {person['password']}")
        else:
            say("  Make your first sign-in: .venv/bin/python manage.py create_staff --role admin --email YOU")
        say(f"\n  Letters, logs and everything else are under {self.var}. Ctrl-C stops the library.")

    def _watch(self) -> None:
        for server in self.servers:
            if server.process and server.process.poll() is not None:
                if isinstance(server, Postgres):
                    raise RunError(f"PostgreSQL ended ({_ending(server.process)}). See {server.log}")
                say(f"{server.name} ended ({_ending(server.process)}) and starts again. See {server.log}")
                server.start()
        for program in self.programs:
            program.watch()

    def _stop(self) -> None:
        """Our programs first, all at once, then the servers they use. A second Ctrl-C kills what still runs."""
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: self._kill())
        say("\nStopping.")
        ours = [program.process for program in self.programs if program.process]
        processes.stop(*ours, patience=20)
        for program in self.programs:
            processes.end(processes.carrying(MARK, program.mark), by=signal.SIGTERM, patience=2)
        for server in reversed(self.servers):
            server.stop()
        say("Stopped.")

    def _kill(self) -> None:
        for process in [part.process for part in self.programs] + [part.process for part in self.servers]:
            if process and process.poll() is None:
                process.kill()


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read; it is there whole or as it was before."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def say(text: str) -> None:
    """Tell the person at the terminal, who may have closed it."""
    try:
        print(text, flush=True)  # noqa: T201 - this is what the person watches
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process


def _secret(path: Path, fresh: str) -> str:
    """What the file holds; the first time the `fresh` one, which is kept there."""
    if not path.exists():
        write_private(path, fresh)
    return path.read_text()


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise RunError(f"PORT={text} is no port: give a number from 1 to 65535, for example PORT=8001.")


def _check_port(host: str, port: int) -> None:
    """Whether the web server will be able to listen there."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {port} is taken by another program. Choose another: make run PORT={port % 65535 + 1}"
        elif error.errno == errno.EACCES:
            reason = f"Only root may use port {port}. Choose one above 1023: make run PORT=8000"
        else:
            reason = f"HOST={host} is no address of this machine ({error.strerror})."
        raise RunError(reason) from error


def _own_names(host: str) -> list[str]:
    """By which names browsers may ask for us."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if _reachable(host) not in ("localhost", "127.0.0.1", "::1") or host in ("0.0.0.0", "::"):  # noqa: S104 - compared
        names += [_in_url(host), socket.gethostname(), *_addresses()]
    return names


def _addresses() -> list[str]:
    """Our address in the network towards the outside, if there is one; a datagram socket sends nothing to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:  # no network
            return []
        return [probe.getsockname()[0]]


def _reachable(host: str) -> str:
    """An address at which a server that listens on `host` can be reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):  # not there yet
        return False
    finally:
        connection.close()


def _ending(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _interrupt(*_args: object) -> NoReturn:
    raise Stopped


def main() -> int:
    """Run until stopped; 0 after a stop that was asked for, 1 with a message otherwise."""
    os.chdir(ROOT)
    environ.Env.read_env(os.environ.get("LIBRARY_ENV_FILE") or ROOT / ".env")
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP:
            signal.signal(number, _interrupt)
    try:
        Runner(os.environ).run()
    except Stopped:
        return 0
    except (EmbeddedError, RunError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is what the person has to know
        return 1


if __name__ == "__main__":
    sys.exit(main())
