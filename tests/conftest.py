"""The real Chromium that the browser tests drive, and the eyes that watch every page it opens."""

import os
import shutil
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.cache import cache
from django.test import Client

WHOLE_CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
CHROMIUM = shutil.which("chromium-headless-shell") or WHOLE_CHROMIUM
"""The shell draws the same pages without a window around them, for less than half of the processor time."""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CONTRAST = "color-contrast"


def pytest_configure(config):
    """Playwright keeps an event loop in this thread; Django's guard against blocking one is meant for servers."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args():
    """The machine's own Chromium: nothing is downloaded."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    return {
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    }


@pytest.fixture
def whole_browser(browser_type, browser_type_launch_args):
    """A function: a Chromium with all that the shell lacks, camera and notifications, started with these arguments."""
    if WHOLE_CHROMIUM is None:
        pytest.skip("no whole Chromium on this machine")
    browsers = []

    def start(*more):
        args = [*browser_type_launch_args["args"], *more]
        options = browser_type_launch_args | {"args": args, "executable_path": WHOLE_CHROMIUM}
        browsers.append(browser_type.launch(**options))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.close()


@dataclass
class Visitor:
    """Somebody at a browser: opens pages of the live server and writes down all that is wrong with them."""

    page: object
    base: str
    faults: list = field(default_factory=list)

    def __post_init__(self):
        self.page.on("console", lambda message: message.type == "error" and self.blame(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.blame(f"script: {error}"))
        self.page.set_default_timeout(45_000)

    def blame(self, fault):
        self.faults.append(f"{self.page.url.removeprefix(self.base)} {fault}")

    def go(self, path, *, expect=200):
        answer = self.page.goto(self.base + path)
        if answer.status != expect:
            self.blame(f"answered {answer.status}")
        return self.page

    def inspect(self, *, colours=True, seen=""):
        """Axe in the light, contrast in the dark too, and no sideways scroll on the narrowest phone.

        `colours`: look at contrast, which takes longer than all else together.
        `seen`: a selector of what an earlier page showed and need not be looked at again.
        """
        self.page.evaluate(Axe().axe_script)
        self.page.emulate_media(color_scheme="light")
        self._axe(WCAG, seen, left_out=() if colours else (CONTRAST,))
        if colours:
            self.page.emulate_media(color_scheme="dark")
            self._axe([CONTRAST], seen)
        self.squeeze()

    def squeeze(self):
        """No sideways scroll on the narrowest phone."""
        self.page.set_viewport_size({"width": 320, "height": 640})
        if (width := self.page.evaluate("document.documentElement.scrollWidth")) > 320:
            self.blame(f"is {width} px wide on a screen of 320")
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def _axe(self, rules, seen, left_out=()):
        options = {"runOnly": rules, "resultTypes": ["violations"], "selectors": False, "preload": False}
        options["rules"] = {rule: {"enabled": False} for rule in left_out}
        asked = {"context": {"exclude": [[seen]]} if seen else "html", "options": options}
        found = self.page.evaluate("({context, options}) => axe.run(context, options)", asked)
        for violation in found["violations"]:
            nodes = [
                f"{node['html'][:160]} {[check['message'] for check in node['any'][:1]]}" for node in violation["nodes"]
            ]
            self.blame(f"axe {violation['id']}: {'; '.join(nodes[:3])}")


@pytest.fixture(scope="session")
def _kept_static_files():
    """A browser keeps style sheets and scripts, as it does behind a real server, instead of asking again each page."""
    serve = StaticFilesHandler.serve

    def serve_to_keep(self, request):
        response = serve(self, request)
        response.headers["Cache-Control"] = "max-age=3600"
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "serve", serve_to_keep)
        yield


@pytest.fixture
def visit(browser, live_server, _kept_static_files):
    """`visit(user, language="ru")` opens a browser that is signed in as `user` (None: a stranger)."""
    contexts = []

    def open_browser(user=None, *, language="ru", **options):
        locale = {"ru": "ru-RU", "en": "en-GB"}[language]
        options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options
        context = browser.new_context(locale=locale, **options)
        contexts.append(context)
        if user:
            client = Client()
            client.force_login(user)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        return Visitor(context.new_page(), live_server.url)

    cache.clear()
    yield open_browser
    for context in contexts:
        context.close()
