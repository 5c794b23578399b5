"""Answers of SRU servers in the forms in which the Library of Congress, DNB and BnF give them."""

from html import escape


def field(tag, *subfields, ind="  ", prefix=""):
    """A data field; each subfield is its code and its text in one: «aZen speaks /»."""
    inner = "".join(f'<{prefix}subfield code="{text[0]}">{text[1:]}</{prefix}subfield>' for text in subfields)
    return f'<{prefix}datafield tag="{tag}" ind1="{ind[0]}" ind2="{ind[1]}">{inner}</{prefix}datafield>'


def marc21(number, title, author, isbn="", year="1994"):
    """A record as MARCXML."""
    fields = [
        field("020", f"a{isbn}") if isbn else "",
        field("100", f"a{author}", ind="1 "),
        field("245", f"a{title} /", ind="10"),
        field("260", "aNew York :", "bAnchor Books,", f"c{year}."),
        field("650", "aZen Buddhism.", ind=" 0"),
    ]
    return (
        '<record xmlns="http://www.loc.gov/MARC21/slim"><leader>00714cam a2200205 a 4500</leader>'
        f'<controlfield tag="001">{number}</controlfield><controlfield tag="003">DLC</controlfield>'
        f'<controlfield tag="008">940101s{year}    nyu           000 0 eng  </controlfield>{"".join(fields)}</record>'
    )


MXC = "mxc:"
UNIMARC = (
    '<mxc:record xmlns:mxc="info:lc/xmlns/marcxchange-v2" format="UNIMARC" type="Bibliographic">'
    "<mxc:leader>     cam  22        450 </mxc:leader>"
    '<mxc:controlfield tag="001">FRBNF35800130</mxc:controlfield>'
    + field("010", "a2-07-036822-X", prefix=MXC)
    + field("100", "a19970411d1996    m  y0frey50      ba", prefix=MXC)
    + field("101", "afre", ind="0 ", prefix=MXC)
    + field("200", "aL'étranger", "fAlbert Camus", ind="1 ", prefix=MXC)
    + field("210", "aParis", "cGallimard", "d1996", prefix=MXC)
    + field("700", "aCamus", "bAlbert", "4070", ind=" |", prefix=MXC)
    + "</mxc:record>"
)


def response(*records, total=None, version="1.1", packing="xml", diagnostics=""):
    """A searchRetrieveResponse."""
    wrapped = "".join(
        f"<zs:record><zs:recordSchema>marcxml</zs:recordSchema><zs:recordPacking>{packing}</zs:recordPacking>"
        f"<zs:recordData>{record if packing == 'xml' else escape(record)}</zs:recordData>"
        f"<zs:recordPosition>{place}</zs:recordPosition></zs:record>"
        for place, record in enumerate(records, start=1)
    )
    count = len(records) if total is None else total
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<zs:searchRetrieveResponse xmlns:zs="http://www.loc.gov/zing/srw/">'
        f"<zs:version>{version}</zs:version><zs:numberOfRecords>{count}</zs:numberOfRecords>"
        f"{f'<zs:records>{wrapped}</zs:records>' if wrapped else ''}{diagnostics}</zs:searchRetrieveResponse>"
    )


def diagnostic(number, details="", message=""):
    """What stands in an answer, or instead of a record."""
    return (
        '<diag:diagnostic xmlns:diag="http://www.loc.gov/zing/srw/diagnostic/">'
        f"<diag:uri>info:srw/diagnostic/1/{number}</diag:uri><diag:details>{details}</diag:details>"
        f"<diag:message>{message}</diag:message></diag:diagnostic>"
    )


def objections(*diagnostics):
    """The list of diagnostics of an answer."""
    return f'<zs:diagnostics xmlns:zs="http://www.loc.gov/zing/srw/">{"".join(diagnostics)}</zs:diagnostics>'
