"""A world outside for the tests: a local HTTP server that speaks what the true ones speak."""

import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache


class World:
    """Answers by path; what was asked is written down.

    `says(path, content, …)` sets an answer; several in a row are given one after another, the last one for ever.
    A callable takes the query as {name: value} and gives (status, content type, content, headers).
    """

    def __init__(self):
        self.answers = defaultdict(list)
        self.asked = []
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                world.asked.append((parts.path, query, dict(self.headers)))
                answers = world.answers.get(parts.path) or [(404, "text/plain", b"no", {})]
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                status, kind, content, headers = answer(query) if callable(answer) else answer
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.netloc = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def says(self, path, content, *, status=200, kind="application/json", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = (
            content
            if callable(content)
            else (status, kind, content if isinstance(content, bytes) else content.encode(), headers)
        )
        self.answers[path].append(answer)

    def paths(self):
        return [path for path, _query, _headers in self.asked]


@pytest.fixture
def world(settings):
    """The world outside, as Open Library and Google Books and as the servers of covers; nothing else is asked."""
    world = World()
    settings.LOOKUP_SOURCES = ["open_library", "google_books"]
    settings.OPEN_LIBRARY_URL = settings.GOOGLE_BOOKS_URL = world.url
    settings.LOOKUP_HOSTS = settings.LOOKUP_COVER_HOSTS = [world.netloc]
    settings.LOOKUP_TIMEOUT = 2.0
    cache.clear()
    yield world
    world.server.shutdown()
    world.server.server_close()
