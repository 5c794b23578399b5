"""A local push service, and browsers that read what it was sent: RFC 8030, 8291 and 8292 as the makers speak them."""

import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from os import urandom

import http_ece
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def base64url(content):
    return urlsafe_b64encode(content).decode().rstrip("=")


class Browser:
    """One that has subscribed: it alone has the key to what is sent to it."""

    def __init__(self, service):
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        self.secret = urandom(16)
        self.path = f"/push/{next(service.numbers)}"
        self.endpoint = service.url + self.path
        service.browsers[self.path] = self
        self.shown = []
        """What its service worker was given."""
        self.status = 201
        """What the service answers to a message for it."""

    def as_json(self):
        """What `JSON.stringify(subscription)` gives."""
        point = self.private_key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": base64url(point), "auth": base64url(self.secret)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def receive(self, body):
        content = http_ece.decrypt(body, private_key=self.private_key, auth_secret=self.secret, version="aes128gcm")
        self.shown.append(json.loads(content))


class PushService:
    """Takes messages that are signed for it and no larger than 4096 bytes, and hands them to its browsers."""

    def __init__(self):
        self.numbers = count(1)
        self.browsers = {}
        self.headers = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.headers.append(dict(self.headers))
                self.send_response(service.take(self.path, self.headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://localhost:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def take(self, path, headers, body):
        if len(body) > 4096:
            return 413
        if not self.is_signed(headers["Authorization"]) or headers["Host"] != self.url.partition("//")[2]:
            return 401
        assert headers["Content-Encoding"] == "aes128gcm"
        assert headers["TTL"].isdecimal()
        assert len(headers["Topic"]) <= 32
        browser = self.browsers[path]
        if browser.status == 201:
            browser.receive(body)
        return browser.status

    def is_signed(self, authorization):
        """By the key that the header names, for this service, with somebody to write to."""
        parts = dict(part.split("=", 1) for part in authorization.removeprefix("vapid ").split(","))
        point = urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        claims = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=self.url)
        self.signed_by = parts["k"]
        return claims["sub"].startswith("mailto:") and claims["exp"] > 0

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
