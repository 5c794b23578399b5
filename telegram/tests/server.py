"""A local server that speaks the Bot API of Telegram: it keeps chats, checks what it is sent, and hands out updates."""

import json
import re
import threading
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
BOT = {"id": 110201543, "is_bot": True, "first_name": "Library", "username": "town_library_bot"}


class Failure(Exception):
    """What the server answers instead of a result."""

    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.answer = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.answer["parameters"] = parameters


class BotServer:
    """`sent` holds every call but getUpdates, as (method, parameters); `messages` the chats as people see them."""

    def __init__(self):
        self.sent = []
        self.messages = {}
        """(chat, message id) -> parameters of what stands there now."""
        self.waiting = []
        self.files = {}
        self.failures = []
        """Answered, one after the other, to the next calls that send something."""
        self.blocked = set()
        self.webhook = None
        self._numbers = count(1)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: two wait for each other

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                match = re.fullmatch(rf"/bot{re.escape(TOKEN)}/(\w+)", self.path)
                if not match:
                    self.answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
                    return
                try:
                    result = server.call(match[1], json.loads(body))
                except Failure as failure:
                    self.answer(failure.answer["error_code"], failure.answer)
                else:
                    self.answer(200, {"ok": True, "result": result})

            def do_GET(self):
                content = server.files.get(self.path.removeprefix(f"/file/bot{TOKEN}/"))
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def answer(self, status, value):
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    # --- The other side of the wire ---

    def call(self, method, given):
        if method == "getUpdates":
            if self.webhook:
                raise Failure(409, "Conflict: can't use getUpdates method while webhook is active")
            offset = given.get("offset") or 0
            self.waiting = [update for update in self.waiting if update["update_id"] >= offset]
            return self.waiting
        self.sent.append((method, given))
        if method in ("sendMessage", "editMessageText") and self.failures:
            raise self.failures.pop(0)
        return {
            "getMe": self.get_me,
            "setMyCommands": self.set_commands,
            "setWebhook": self.set_webhook,
            "deleteWebhook": self.delete_webhook,
            "sendMessage": self.send_message,
            "editMessageText": self.edit_message,
            "answerCallbackQuery": self.answer_tap,
            "getFile": self.get_file,
        }[method](given)

    def get_me(self, given):
        return BOT

    def set_commands(self, given):
        assert all(re.fullmatch("[a-z0-9_]{1,32}", command["command"]) for command in given["commands"])
        assert all(1 <= len(command["description"]) <= 256 for command in given["commands"])
        return True

    def set_webhook(self, given):
        if not given["url"].startswith("https://"):
            raise Failure(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", given["secret_token"])
        self.webhook = given
        return True

    def delete_webhook(self, given):
        self.webhook = None
        return True

    def send_message(self, given):
        if given["chat_id"] in self.blocked:
            raise Failure(403, "Forbidden: bot was blocked by the user")
        self._check(given)
        number = next(self._numbers)
        self.messages[given["chat_id"], number] = given
        return {"message_id": number, "chat": {"id": given["chat_id"], "type": "private"}, "date": 0}

    def edit_message(self, given):
        there = self.messages.get((given["chat_id"], given["message_id"]))
        if there is None:
            raise Failure(400, "Bad Request: message to edit not found")
        self._check(given)
        if (there["text"], there.get("reply_markup")) == (given["text"], given.get("reply_markup")):
            raise Failure(400, "Bad Request: message is not modified: specified new message content is the same")
        self.messages[given["chat_id"], given["message_id"]] = given
        return {"message_id": given["message_id"]}

    def answer_tap(self, given):
        assert len(given["text"]) <= 200
        return True

    def get_file(self, given):
        if given["file_id"] not in self.files:
            raise Failure(400, "Bad Request: wrong file_id")
        return {"file_id": given["file_id"], "file_path": given["file_id"]}

    def _check(self, given):
        """What the true server refuses."""
        assert given["parse_mode"] == "HTML"
        left = re.sub(r"</?(b|i)>", "", given["text"])
        if "<" in left or re.search(r"&(?!lt;|gt;|amp;|quot;)", left):
            raise Failure(400, "Bad Request: can't parse entities")
        if not 0 < len(unescape(left).encode("utf-16-le")) // 2 <= 4096:
            raise Failure(400, "Bad Request: message is too long")
        for row in (given.get("reply_markup") or {}).get("inline_keyboard", []):
            for button in row:
                if "url" in button and "127.0.0.1" in button["url"]:
                    raise Failure(400, "Bad Request: inline keyboard button URL is invalid: Wrong HTTP URL")
                if "url" not in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                    raise Failure(400, "Bad Request: BUTTON_DATA_INVALID")

    # --- People ---

    def says(self, text, *, chat=501, language="ru", **more):
        """An update: somebody wrote; kept for getUpdates, and returned."""
        person = {"id": chat, "is_bot": False, "first_name": "X", "language_code": language}
        message = {
            "message_id": next(self._numbers),
            "from": person,
            "chat": {"id": chat, "type": "private"},
            "date": 0,
        }
        return self._update(message=message | ({"text": text} if text else {}) | more)

    def taps(self, words, *, chat=501, language="ru"):
        """An update: somebody tapped the button with these words, under the last message that has it."""
        for (of_chat, number), there in reversed(self.messages.items()):
            for row in (there.get("reply_markup") or {}).get("inline_keyboard", []) if of_chat == chat else ():
                for button in row:
                    if button["text"].startswith(words) and "callback_data" in button:
                        return self.tap(button["callback_data"], number, chat=chat, language=language)
        raise AssertionError(f"there is no button {words!r}")

    def tap(self, data, number, *, chat=501, language="ru"):
        """An update: a tap with whatever data."""
        message = {"message_id": number, "chat": {"id": chat, "type": "private"}, "date": 0}
        person = {"id": chat, "is_bot": False, "first_name": "X", "language_code": language}
        return self._update(
            callback_query={"id": str(next(self._numbers)), "from": person, "message": message, "data": data}
        )

    def blocks(self, *, chat=501, is_blocked=True):
        """An update: somebody blocked the bot, or let it in again."""
        new = {"status": "kicked" if is_blocked else "member", "user": BOT}
        return self._update(my_chat_member={"chat": {"id": chat, "type": "private"}, "new_chat_member": new, "date": 0})

    def _update(self, **what):
        update = {"update_id": 10_000 + next(self._numbers), **what}
        self.waiting.append(update)
        return update

    # --- What a person sees ---

    def text(self, chat=501):
        """The last message of the chat, without tags."""
        return unescape(re.sub(r"<[^>]*>", "", self.last(chat)["text"]))

    def last(self, chat=501):
        return next(there for (of_chat, _number), there in reversed(self.messages.items()) if of_chat == chat)

    def buttons(self, chat=501):
        """The words of the buttons below the last message."""
        rows = (self.last(chat).get("reply_markup") or {}).get("inline_keyboard", [])
        return [[button["text"] for button in row] for row in rows]

    def toast(self):
        """What was last shown over the chat."""
        return next(given["text"] for method, given in reversed(self.sent) if method == "answerCallbackQuery")
