"""The compose file rehearsed without Docker: its own commands and environment, on real servers, behind real nginx.

What only a container can show (images, networks, volumes, read-only roots) is not seen here.
"""

import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
import yaml
from django.db import connection

from library.core.embedded import Valkey

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
HOST = "library.example.org"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx on this machine"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine to make a certificate"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def documented():
    """What .env.example sets."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Stage:
    """The services on this machine: the names of the compose file led to local ports and directories."""

    def __init__(self, home, database, queue):
        self.home = home
        self.web, self.plain, self.tls = free_port(), free_port(), free_port()
        self.processes = {}
        for name in ("var/static", "var/media", "tmp", "certificates"):
            (home / name).mkdir(parents=True)
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LIBRARY_ENV_FILE": os.devnull,
            **documented(),
            "DJANGO_SECRET_KEY": "x7" * 30 + "not-a-secret-of-anything",
            "EMAIL_URL": "consolemail://",
            "FORWARDED_ALLOW_IPS": "192.0.2.1",  # gunicorn knows the proxy of a container as little
            **SERVICES["web"]["environment"],
            "HOST": "127.0.0.1",
            "PORT": str(self.web),
            "LIBRARY_VAR_DIR": str(home / "var"),
            "DATABASE_URL": database,
            "REDIS_URL": queue,
            "CACHE_URL": queue.replace("db=0", "db=1"),
        }

    def start(self, service):
        """The command of a service, as the container would run it."""
        log = (self.home / f"{service}.log").open("ab")
        command = SERVICES[service]["command"]
        self.processes[service] = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        return self.processes[service]

    def start_nginx(self):
        """The configuration with only its addresses and directories changed."""
        pem = self.home / "certificates"
        openssl = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=library -addext subjectAltName=IP:127.0.0.1"
        )
        files = ["-keyout", pem / "privkey.pem", "-out", pem / "fullchain.pem"]
        subprocess.run([*openssl.split(), *files], check=True, capture_output=True)
        places = {
            "web:8000": f"127.0.0.1:{self.web}",
            "listen 8080": f"listen 127.0.0.1:{self.plain}",
            "listen 8443": f"listen 127.0.0.1:{self.tls}",
            "/etc/nginx/certificates": str(pem),
            "/var/lib/library/static": str(self.home / "var" / "static"),
            "/tmp/": f"{self.home}/tmp/",  # noqa: S108 - replaced
            "/dev/stdout": str(self.home / "nginx.log"),
        }
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        assert [place for place in places if place not in text] == []
        text = re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)
        (self.home / "nginx.conf").write_text(text)
        user = "user root; " if os.geteuid() == 0 else ""
        command = ["nginx", "-c", self.home / "nginx.conf", "-e", "stderr", "-g", f"{user}daemon off;"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert "test is successful" in checked.stderr, checked.stderr
        assert "[warn]" not in checked.stderr, checked.stderr
        self.processes["nginx"] = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)

    def ask(self, method, path, body=None, *, host=HOST, plain=False, **headers):
        """Status, headers and body that a browser would get."""
        if plain:
            client = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=15)
        else:
            context = ssl.create_default_context(cafile=self.home / "certificates" / "fullchain.pem")
            client = http.client.HTTPSConnection("127.0.0.1", self.tls, timeout=15, context=context)
        client.request(method, path, body, {"Host": host, **headers})
        answer = client.getresponse()
        return answer.status, answer.headers, answer.read()

    def said(self, service):
        return (self.home / f"{service}.log").read_text()

    def wait(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            logs = "".join(f"\n== {path.name}\n{path.read_text()[-1500:]}" for path in self.home.glob("*.log"))
            assert time.monotonic() < deadline, f"{what}: waited in vain{logs}"
            time.sleep(0.1)

    def answers(self, path):
        try:
            return self.ask("GET", path)[0] == 200
        except OSError:
            return False

    def check_health(self, service):
        """The health check of a service."""
        test = SERVICES[service].get("healthcheck", {}).get("test")
        if test is None:
            (found,) = re.findall(r"HEALTHCHECK .*\\\n\s*CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
            test = ["CMD", *json.loads(found)]
        command = test[1:] if test[0] == "CMD" else ["sh", "-c", test[1].replace("$$", "$")]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, timeout=60).returncode


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker):
    home = Path(tempfile.mkdtemp(prefix="library-compose-"))
    queue = Valkey(home / "valkey", durable=False)
    queue.start()
    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    name = f"{parameters['dbname']}_compose"
    server, _slash, _name = os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")
    with django_db_blocker.unblock(), psycopg.connect(**parameters, autocommit=True) as direct:
        direct.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        direct.execute(f'CREATE DATABASE "{name}"')
        it = Stage(home, f"{server}/{name}", queue.url)
        try:
            twins = [it.start("prepare"), it.start("prepare")]
            assert [twin.wait(120) for twin in twins] == [0, 0], it.said("prepare")
            for service in ("web", "worker", "beat"):
                it.start(service)
            it.start_nginx()
            it.wait(lambda: it.answers("/readyz"), "readiness through nginx")
            yield it
        finally:
            for process in it.processes.values():
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            queue.stop()
            direct.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            shutil.rmtree(home)


def test_pages_come_by_https_with_their_guards(stage):
    status, headers, body = stage.ask("GET", "/accounts/login/")
    assert status == 200
    assert b"<form" in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-ID"]
    cookies = headers.get_all("Set-Cookie")
    assert cookies
    assert all("; Secure" in cookie for cookie in cookies)
    assert "nginx/" not in headers["Server"]


def test_browsers_may_speak_http_2(stage):
    context = ssl.create_default_context(cafile=stage.home / "certificates" / "fullchain.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    raw = socket.create_connection(("127.0.0.1", stage.tls), timeout=15)
    with context.wrap_socket(raw, server_hostname="127.0.0.1") as encrypted:
        assert encrypted.selected_alpn_protocol() == "h2"


def test_pages_are_compressed_for_those_who_can_unpack(stage):
    _status, headers, body = stage.ask("GET", "/", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in headers.get_all("Vary")
    assert b"</html>" in gzip.decompress(body)


def test_plain_http_leads_to_https(stage):
    status, headers, _body = stage.ask("GET", "/accounts/login/?next=/my/", plain=True)
    assert (status, headers["Location"]) == (308, f"https://{HOST}/accounts/login/?next=/my/")
    assert stage.ask("GET", "/healthz", plain=True, host="127.0.0.1")[0] == 200


def test_a_form_is_accepted(stage):
    """Host, scheme and cookies survive the way through the proxy, or the CSRF check would refuse."""
    _status, headers, body = stage.ask("GET", "/accounts/login/")
    (token,) = set(re.findall(rb'name="csrfmiddlewaretoken" value="(\w+)"', body))
    cookie = "; ".join(line.partition(";")[0] for line in headers.get_all("Set-Cookie"))
    form = {"csrfmiddlewaretoken": token.decode(), "login": "nobody@example.org", "password": "wrong"}
    sent = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": cookie,
        "Referer": f"https://{HOST}/accounts/login/",
    }
    assert stage.ask("POST", "/accounts/login/", urlencode(form), **sent)[0] == 200
    assert (
        stage.ask("POST", "/accounts/login/", urlencode(form), **sent | {"Referer": "https://evil.example/"})[0] == 403
    )


def test_the_api_answers(stage):
    status, headers, body = stage.ask("GET", "/api/v1/books/")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body)["results"] == []


def test_static_files_come_from_nginx_compressed_and_for_ever(stage):
    _status, _headers, page = stage.ask("GET", "/accounts/login/")
    (path, *_more) = re.findall(r'"(/static/[^"]+\.[0-9a-f]{12}\.css)"', page.decode())
    status, headers, body = stage.ask("GET", path, **{"Accept-Encoding": "gzip"})
    assert status == 200
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert b"{" in gzip.decompress(body)
    assert path not in stage.said("web")
    assert stage.ask("GET", "/static/../nginx.conf")[0] in (400, 404)
    assert stage.ask("GET", "/static/no-such-file.css")[0] == 404


def test_other_names_are_refused(stage):
    assert stage.ask("GET", "/", host="evil.example")[0] == 400


def test_too_large_a_body_is_refused_before_it_is_read(stage):
    assert stage.ask("POST", "/api/v1/auth/login/", b"x" * 7_000_000)[0] == 413


def test_a_client_cannot_choose_its_address(stage):
    stage.ask("GET", "/accounts/signup/", **{"X-Forwarded-For": "198.51.100.66"})
    lines = [json.loads(line) for line in stage.said("web").splitlines() if '"/accounts/signup/"' in line]
    assert [line["ip"] for line in lines] == ["127.0.0.1"]


def test_the_proxys_log_names_the_request(stage):
    _status, headers, _body = stage.ask("GET", "/accounts/password/reset/")
    stage.wait(lambda: headers["X-Request-ID"] in stage.said("nginx"), "nginx's log line", 5)
    (line,) = [json.loads(line) for line in stage.said("nginx").splitlines() if headers["X-Request-ID"] in line]
    assert (line["request"], line["status"]) == ("GET /accounts/password/reset/", 200)


def test_a_client_cannot_choose_its_requests_id(stage):
    _status, headers, _body = stage.ask("GET", "/", **{"X-Request-ID": "chosen-by-the-client"})
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-ID"])


def test_the_health_checks_pass(stage):
    stage.wait(lambda: " ready." in stage.said("worker"), "the worker")
    assert stage.check_health("web") == 0
    assert stage.check_health("worker") == 0


def test_beat_sends_what_the_worker_does(stage):
    stage.wait(lambda: "notifications.deliver" in stage.said("worker"), "the minute's delivery", 90)


def test_only_volumes_were_written_to(stage):
    """All else under a container's root is read-only."""
    volumes = {volume.split(":")[1] for volume in SERVICES["web"]["volumes"]}
    assert {f"/var/lib/library/{path.name}" for path in (stage.home / "var").iterdir()} <= volumes


def test_everything_stops_within_dockers_ten_seconds(stage):
    for service in ("nginx", "beat", "worker", "web"):
        process = stage.processes[service]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, service
