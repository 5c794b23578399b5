"""E-mail that comes back: what a report of a mail server says, the address it marks, and the letter's next way."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.utils import parseaddr
from uuid import UUID

import structlog
from django.db import transaction
from django.utils.text import Truncator

from accounts.models import Reader, User
from library.core import audit
from notifications.delivery import pass_on
from notifications.mailboxes import Handed
from notifications.models import Bounce, Letter

log = structlog.get_logger(__name__)
MAX_DIAGNOSIS = 500
MESSAGE_ID = re.compile(r"^message-id:\s*<([0-9a-f-]{36})@", re.IGNORECASE | re.MULTILINE)
"""That of a letter: its public id before the @."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a delivery status notification (RFC 3464) says of one letter of ours."""

    recipient: str
    """The address in lower case."""
    action: str
    """`failed`, `delayed`, `delivered`, `relayed` or `expanded`."""
    status: str
    """As `5.1.1`."""
    diagnosis: str
    letter_uid: UUID | None
    """From the Message-ID of the letter that came back; None: it was not quoted."""

    @property
    def is_final(self) -> bool:
        """Whether the address does not work: not a warning, nor a full mailbox or a server that was busy for days."""
        return self.action == "failed" and self.status.startswith("5") and self.status != "5.2.2"


def read_report(message: Message) -> list[Report]:
    """The reports in a message; empty: it is something else, such as an answer by hand or of somebody on holiday."""
    reports, uid = [], None
    fields: list[Message] = []
    for part in message.walk():
        match part.get_content_type():
            case "message/delivery-status":
                fields += [block for block in part.get_payload() if isinstance(block, Message)]
            case "text/rfc822-headers":
                payload = part.get_payload(decode=True)
                uid = uid or _uid_in(payload.decode("utf-8", "replace") if isinstance(payload, bytes) else "")
            case "message/rfc822":
                inner = part.get_payload(0) if part.is_multipart() else None
                uid = uid or _uid_in(f"Message-ID: {inner['Message-ID']}" if isinstance(inner, Message) else "")
    for block in fields:
        recipient = block.get("Original-Recipient") or block.get("Final-Recipient")
        if recipient:
            reports.append(
                Report(
                    recipient=parseaddr(str(recipient).rpartition(";")[2].strip())[1].lower(),
                    action=str(block.get("Action", "")).strip().lower(),
                    status=str(block.get("Status", "")).strip().split(" ")[0],
                    diagnosis=" ".join(str(block.get("Diagnostic-Code", "")).split()),
                    letter_uid=uid,
                )
            )
    return reports


def _uid_in(headers: str) -> UUID | None:
    """The letter whose Message-ID stands in these headers."""
    found = MESSAGE_ID.search(headers)
    return UUID(found[1]) if found else None


def settle(report: Report, *, now: datetime) -> str:
    """Act on a report: mark the address if it does not work, and let the letter go the reader's next way.

    Says what became of it: `marked`, `passed_on` (the address may work another day), `ignored` (a warning, or known
    already), `unmatched` (no letter of ours: only who got it knows its Message-ID, so nobody marks another's address).
    """
    if report.letter_uid is None:
        return "unmatched"
    with transaction.atomic():
        letters = Letter.objects.filter(uid=report.letter_uid)
        letter = letters.select_related("reader__home_branch").select_for_update(of=("self",)).first()
        if letter is None:
            return "unmatched"
        is_out = letter.status == Letter.Status.SENT and letter.channel == Letter.Channel.EMAIL
        if report.action != "failed" or not is_out:
            return "ignored"
        diagnosis = Truncator(f"{report.status} {report.diagnosis}".strip()).chars(MAX_DIAGNOSIS)
        if report.is_final:
            address = letter.address.lower()
            Bounce.objects.get_or_create(address=address, defaults={"bounced_at": now, "diagnosis": diagnosis})
            detail = {"diagnosis": diagnosis}
            audit.record(action="notifications.bounce", subject=letter.reader, by=None, now=now, detail=detail)
        pass_on(letter, f"It came back: {diagnosis}", now=now)
    log.warning("letter_came_back", letter=str(letter.uid), status=report.status, is_final=report.is_final)
    return "marked" if report.is_final else "passed_on"


def bounce_of(reader: Reader) -> Bounce | None:
    """Since when letters to the reader's present address come back; None: they do not."""
    return Bounce.objects.filter(address=reader.email.lower()).first() if reader.email else None


def trust_again(*, reader: Reader, by: User, now: datetime) -> None:
    """Write to the reader's e-mail address again. Twice does no harm."""
    with transaction.atomic():
        gone, _kinds = Bounce.objects.filter(address=reader.email.lower()).delete()
        if gone:
            audit.record(action="notifications.trust_address", subject=reader, by=by, now=now)


def take_in(messages: Iterable[Handed], *, now: datetime) -> Counter[str]:
    """Settle every report among these messages; counts by outcome, `other` for what is no report."""
    outcomes: Counter[str] = Counter()
    for message, done in messages:
        reports = read_report(message)
        outcomes.update(settle(report, now=now) for report in reports)
        outcomes["other"] += not reports
        done()
    return outcomes
