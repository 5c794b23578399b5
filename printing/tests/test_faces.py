"""Labels and cards as a scanner and a reader see them: the PDF is rendered and read."""

import pypdfium2
import pytest
import zxingcpp

from printing.faces import BarcodeLabel, ReaderCard, SpineLabel, parts_of
from printing.lettering import BOLD, broken, load_fonts
from printing.sheets import Layout, as_pdf
from printing.stocks import BY_CODE

LABEL = BarcodeLabel(
    library="Городская библиотека",
    barcode="2000000000466",
    inventory_number="0000046",
    title="Пикник на обочине",
    shelf_mark="84(2Рос=Рус)6 С87",
)


def printed(faces, code, **layout):
    """How many sheets, the text of the first, and the codes read from its picture at 300 dpi: {(kind, text): x, y}."""
    document = pypdfium2.PdfDocument(as_pdf(faces, Layout(stock=BY_CODE[code], **layout), title="Test"))
    page = document[0]
    text = page.get_textpage().get_text_range()
    picture = page.render(scale=300 / 72).to_pil()
    codes = {
        (found.format.name, found.text): (
            round(found.position.top_left.x / 300 * 25.4),
            round(found.position.top_left.y / 300 * 25.4),
        )
        for found in zxingcpp.read_barcodes(picture)
    }
    count = len(document)
    document.close()
    return count, text, codes


def test_a_barcode_label_is_read_by_a_scanner_and_by_people():
    count, text, codes = printed([LABEL], "l7160")
    assert count == 1
    assert list(codes) == [("Code128", "2000000000466")]
    for words in ("Городская библиотека", "Пикник на обочине", "2000000000466", "0000046", "84(2Рос=Рус)6 С87"):
        assert words in text


@pytest.mark.parametrize("code", ["l7651", "roll-43x25", "5160"])
def test_a_barcode_is_read_from_small_labels_too(code):
    assert ("Code128", "2000000000466") in printed([LABEL], code)[2]


def test_letters_that_code_128_lacks_become_a_qr_code():
    label = BarcodeLabel(library="Библиотека", barcode="КН-00012/б", inventory_number="КН-00012/б", title="Война и мир")
    _count, text, codes = printed([label], "roll-58x40")
    assert list(codes) == [("QRCode", "КН-00012/б")]
    assert text.count("КН-00012/б") == 1, "a number that is both is written once"


def test_a_begun_sheet_goes_on_at_its_first_free_label_and_then_on_the_next_sheet():
    label = BarcodeLabel(library="Л", barcode="A1", inventory_number="1")
    count, _text, codes = printed([label, LABEL, LABEL], "l7160", start=20)
    assert count == 2
    x, y = codes["Code128", "A1"]
    assert 73 < x < 137, "the middle column"
    assert 243 < y < 282, "the last row"


def test_a_spine_label_has_a_line_for_each_part():
    _count, text, _codes = printed([SpineLabel(shelf_mark="84(2Рос=Рус)6 Т53 т. 2", branch="centre")], "roll-30x20")
    assert text.split("\r\n") == ["84(2Рос=Рус)6", "Т53", "т. 2", "centre"]


def test_a_long_class_is_broken_at_its_signs():
    load_fonts()
    assert broken("821.161.1-31(094.5)=134.2", BOLD, 12, 70) == ["821.161.1-", "31(094.5)=", "134.2"]
    assert parts_of("Э Т53 т. 12 ч. 3") == ["Э", "Т53", "т. 12", "ч. 3"]


def test_a_card_names_library_and_reader_and_is_read_both_ways():
    card = ReaderCard(library="Городская библиотека", name="Вера Павловна Лопухова", card_number="R000123")
    _count, text, codes = printed([card], "cr80")
    assert set(codes) == {("Code128", "R000123"), ("QRCode", "R000123")}
    for words in ("Городская библиотека", "Вера Павловна Лопухова", "R000123"):
        assert words in text
