"""The camera of a phone as a scanner, in a real Chromium whose camera shows a film of a label."""

from io import BytesIO

import pytest
import zxingcpp
from django.test import Client
from PIL import Image

from accounts.tests.factories import LibrarianFactory
from tests.conftest import Visitor
from tests.test_browser_desk import library, loans_of  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def film(path, code):
    """Frames of 640 × 480 that show the code as Code 128, as a file of JPEG pictures."""
    symbol = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.Code128)
    label = Image.fromarray(zxingcpp.write_barcode_to_image(symbol, scale=3)).convert("L")
    frame, content = Image.new("L", (640, 480), "white"), BytesIO()
    frame.paste(label, ((640 - label.width) // 2, (480 - label.height) // 2))
    frame.convert("RGB").save(content, "JPEG", quality=95)
    path.write_bytes(content.getvalue() * 10)
    return path


@pytest.fixture
def phone(whole_browser, tmp_path, live_server):
    """A function: a phone whose camera looks at a label with this code, signed in as a librarian."""

    def take_up(code):
        shown = film(tmp_path / "label.mjpeg", code)
        browser = whole_browser("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={shown}")
        context = browser.new_context(
            locale="en-GB", viewport={"width": 390, "height": 844}, reduced_motion="reduce", permissions=["camera"]
        )  # fmt: skip
        client = Client()
        client.force_login(LibrarianFactory(language="en"))
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        return Visitor(context.new_page(), live_server.url)

    return take_up


def test_the_camera_lends_what_it_sees_once(phone, library):  # noqa: F811
    vera = library["readers"][0]
    visitor = phone("BC-1")
    page = visitor.go(f"/admin/desk/reader/{vera.uid}/")
    page.get_by_role("button", name="Camera").click()
    page.locator(".slip__line--good", has_text="Том 1").wait_for()
    assert loans_of(vera) == ["BC-1"]
    assert page.locator("#desk-camera [data-read]").inner_text() == "BC-1"
    visitor.inspect()
    assert page.locator(".slip__line").count() == 1
    page.get_by_role("button", name="Camera").click()
    assert not page.locator("#desk-camera").is_visible()
    assert visitor.faults == []
