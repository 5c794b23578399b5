"""A small IMAP server: one mailbox, enough of RFC 3501 to search, fetch and mark by UID."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Server(socketserver.ThreadingTCPServer):
    """Holds the messages; UIDs count from 1."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, messages: list[bytes], user: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.messages, self.login = messages, (user, password)
        self.seen: set[int] = set()
        self.fetched: list[int] = []
        self.port = self.server_address[1]


class Session(socketserver.StreamRequestHandler):
    """One conversation."""

    server: Server

    def handle(self) -> None:
        self.say("* OK ready")
        for line in self.rfile:
            tag, _space, command = line.decode().strip().partition(" ")
            self.say(f"{tag} {self.answer(command)}")
            if command.upper() == "LOGOUT":
                return

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def answer(self, command: str) -> str:
        word = command.upper()
        if word == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1")
        elif word.startswith("LOGIN"):
            user, password = re.fullmatch(r'LOGIN (\S+) "?(.*?)"?', command).groups()
            if (user, password) != self.server.login:
                return "NO wrong password"
        elif word.startswith("SELECT"):
            self.say(f"* {len(self.server.messages)} EXISTS")
        elif word == "UID SEARCH UNSEEN":
            unseen = (uid for uid in range(1, len(self.server.messages) + 1) if uid not in self.server.seen)
            self.say(" ".join(["* SEARCH", *map(str, unseen)]))
        elif found := re.match(r"UID FETCH (\d+) ", word):
            uid = int(found[1])
            self.server.fetched.append(uid)
            content = self.server.messages[uid - 1]
            self.say(f"* {uid} FETCH (UID {uid} BODY[]<0> {{{len(content)}}}")
            self.wfile.write(content + b")\r\n")
        elif found := re.match(r"UID STORE (\d+) ", word):
            self.server.seen.add(int(found[1]))
        elif word == "LOGOUT":
            self.say("* BYE")
        else:
            return "BAD what?"
        return "OK done"


@contextmanager
def start_imap(messages: list[bytes], user: str, password: str) -> Iterator[Server]:
    """A listening server."""
    with Server(messages, user, password) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
