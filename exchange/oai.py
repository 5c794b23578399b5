"""OAI-PMH 2.0: what the six verbs answer. Arguments in, XML out; the door is `exchange.views`."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from catalog.models import MaterialType
from catalog.templatetags.catalog import language_label
from exchange import harvest
from exchange.models import PublishedRecord
from exchange.records import SCHEMAS, XSI, Format, element, metadata
from policies.models import Branch

NAMESPACE = "http://www.openarchives.org/OAI/2.0/"
IDENTIFIER_NAMESPACE = "http://www.openarchives.org/OAI/2.0/oai-identifier"
RECORDS = 100
"""Records of one answer."""
HEADERS = 500
"""Headers of one answer to ListIdentifiers."""
TOKEN_LIFE = timedelta(days=1)
"""How long a list may be continued."""
_SALT = "exchange.oai.resumption"
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DAYS = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SET_SPEC = re.compile(r"[A-Za-z0-9\-_.!~*'()]+(:[A-Za-z0-9\-_.!~*'()]+)*")
_DOMAIN = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z][a-zA-Z0-9-]*)+")


class OaiError(Exception):
    """A request that cannot be answered: a code of the protocol with a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Verb:
    """What a verb takes and who answers it: the function gets the arguments and the second of the answer."""

    answer: Callable[[dict[str, str], datetime], str]
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


def base_url() -> str:
    """The public address of the provider."""
    return f"{settings.LIBRARY_URL}{reverse('oai')}"


def respond(parameters: QueryDict) -> str:
    """The whole XML document that answers a request."""
    before = harvest.horizon()
    arguments: dict[str, str] = {}
    try:
        verb = _verb(parameters)
        arguments = _arguments(parameters, verb)
        content = VERBS[verb].answer(arguments, before)
        body = f"<{verb}>{content}</{verb}>"
    except OaiError as error:
        if error.code in ("badVerb", "badArgument"):
            arguments = {}
        body = element("error", error, code=error.code)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<OAI-PMH xmlns="{NAMESPACE}" xmlns:xsi="{XSI}"'
        f' xsi:schemaLocation="{NAMESPACE} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">'
        f"<responseDate>{_stamp(before)}</responseDate>{element('request', base_url(), **arguments)}{body}</OAI-PMH>\n"
    )


def identifier(uid: UUID) -> str:
    """The OAI identifier of a record: oai:library.example.org:b1f0…"""
    return f"oai:{namespace()}:{uid}"


def namespace() -> str:
    """The domain name inside identifiers; for an address that has none, one that nobody owns."""
    name = settings.OAI_NAMESPACE or urlsplit(settings.LIBRARY_URL).hostname or ""
    return name if _DOMAIN.fullmatch(name) else "library.invalid"


# --- Arguments -----------------------------------------------------------------------------------------------------


def _verb(parameters: QueryDict) -> str:
    verbs = parameters.getlist("verb")
    if len(verbs) != 1 or verbs[0] not in VERBS:
        raise OaiError("badVerb", _("Say one verb of these: %(verbs)s.") % {"verbs": ", ".join(VERBS)})
    return verbs[0]


def _arguments(parameters: QueryDict, verb: str) -> dict[str, str]:
    """The arguments with the verb. Raises badArgument for the unknown, the repeated and the missing."""
    known = VERBS[verb]
    for name, values in parameters.lists():
        if name != "verb" and name not in known.required | known.optional:
            raise OaiError("badArgument", _("%(verb)s takes no argument “%(name)s”.") % {"verb": verb, "name": name})
        if len(values) > 1:
            raise OaiError("badArgument", _("“%(name)s” is given more than once.") % {"name": name})
    arguments = {name: str(parameters[name]) for name in parameters}
    if "resumptionToken" in arguments:
        if len(arguments) > 2:
            raise OaiError("badArgument", _("A resumption token stands alone."))
        return arguments
    if missing := sorted(known.required - arguments.keys()):
        raise OaiError("badArgument", _("%(verb)s needs the argument “%(name)s”.") % {"verb": verb, "name": missing[0]})
    return arguments


def _format(prefix: str) -> Format:
    try:
        return Format(prefix)
    except ValueError as error:
        message = _("There is no format “%(prefix)s” here.") % {"prefix": prefix}
        raise OaiError("cannotDisseminateFormat", message) from error


def _record(name: str) -> PublishedRecord:
    head, _colon, uid = name.rpartition(":")
    found = None
    if head == f"oai:{namespace()}":
        try:
            found = harvest.published(UUID(uid))
        except ValueError:
            found = None
    if found is None:
        raise OaiError("idDoesNotExist", _("There is no record “%(name)s” here.") % {"name": name})
    return found


def _selection(arguments: dict[str, str]) -> harvest.Selection:
    since, until, set_spec = (arguments.get(name, "") for name in ("from", "until", "set"))
    if set_spec and not _SET_SPEC.fullmatch(set_spec):
        raise OaiError("badArgument", _("“%(value)s” is not the name of a set.") % {"value": set_spec})
    if since and until and len(since) != len(until):
        raise OaiError("badArgument", _("“from” and “until” must be of the same granularity."))
    selection = harvest.Selection(
        since=_instant(since, time.min), until=_instant(until, time(23, 59, 59)), set_spec=set_spec
    )
    if selection.since and selection.until and selection.since > selection.until:
        raise OaiError("badArgument", _("“from” is later than “until”."))
    return selection


def _instant(text: str, on_day: time) -> datetime | None:
    """A UTC datestamp in seconds, or a day at the time `on_day`."""
    try:
        if _SECONDS.fullmatch(text):
            return datetime.fromisoformat(text)
        if _DAYS.fullmatch(text):
            return datetime.combine(datetime.fromisoformat(text).date(), on_day, tzinfo=UTC)
    except ValueError:
        text = text or "?"
    if not text:
        return None
    message = _("“%(value)s” is not a time like 2026-01-31 or 2026-01-31T12:00:00Z.")
    raise OaiError("badArgument", message % {"value": text})


def _stamp(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


# --- Lists in parts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """Where a list goes on: what a resumption token holds, signed; the server remembers nothing."""

    verb: str
    form: Format
    selection: harvest.Selection
    after: harvest.Position | None = None
    cursor: int = 0
    """Records given before."""
    size: int | None = None
    """Records of the whole list when it was begun; it may grow while it is read."""

    def token(self) -> str:
        """The resumption token."""
        chosen = self.selection
        place = self.after
        return signing.dumps(
            [
                self.verb,
                self.form,
                chosen.set_spec,
                chosen.since and chosen.since.timestamp(),
                chosen.until and chosen.until.timestamp(),
                place and [place.changed_at.timestamp(), place.record_id],
                self.cursor,
                self.size,
            ],
            salt=_SALT,
        )

    @classmethod
    def of_token(cls, token: str, verb: str) -> "Part":
        """What `token` wrote. Raises badResumptionToken for anything else, and for what is older than `TOKEN_LIFE`."""
        try:
            said: list[Any] = signing.loads(token, salt=_SALT, max_age=TOKEN_LIFE)
        except signing.BadSignature:
            said = [""]
        if said[0] != verb:
            raise OaiError("badResumptionToken", _("The resumption token is not valid, or no longer. Begin anew."))
        since, until = (None if value is None else datetime.fromtimestamp(value, UTC) for value in said[3:5])
        return cls(
            verb=verb,
            form=Format(said[1]),
            selection=harvest.Selection(since=since, until=until, set_spec=said[2]),
            after=harvest.Position(datetime.fromtimestamp(said[5][0], UTC), said[5][1]),
            cursor=said[6],
            size=said[7],
        )


def _list(arguments: dict[str, str], before: datetime) -> str:
    """ListRecords and ListIdentifiers."""
    verb = arguments["verb"]
    if token := arguments.get("resumptionToken"):
        part = Part.of_token(token, verb)
    else:
        part = Part(verb, _format(arguments["metadataPrefix"]), _selection(arguments))
    size = RECORDS if verb == "ListRecords" else HEADERS
    records = harvest.selected(part.selection, before=before)
    found = harvest.page(records, after=part.after, size=size + 1)
    if not found and part.after is None:
        raise OaiError("noRecordsMatch", _("No record matches."))
    shown = found[:size]
    headers = [_header(record, part.selection.set_spec) for record in shown]
    if verb == "ListRecords":
        known = _metadata(shown, part)
        items = [_whole(header, known.get(record.book_id or 0)) for record, header in zip(shown, headers, strict=True)]
    else:
        items = headers
    return "".join(items) + _continuation(part, shown, records.count, is_last=len(found) <= size)


def _metadata(records: Iterable[PublishedRecord], part: Part) -> dict[int, str]:
    books = {
        record.book_id: record.uid
        for record in records
        if record.book_id is not None and not harvest.is_deleted(record, part.selection.set_spec)
    }
    return metadata(books, part.form)


def _continuation(part: Part, shown: list[PublishedRecord], count: Callable[[], int], *, is_last: bool) -> str:
    """The resumption token behind a part: none behind a whole list, an empty one behind the last part."""
    if is_last and part.after is None:
        return ""
    total = count() if part.size is None else part.size
    done = part.cursor + len(shown)
    said = {"completeListSize": str(done if is_last else max(total, done + 1)), "cursor": str(part.cursor)}
    if is_last:
        return element("resumptionToken", "", **said)
    last = shown[-1]
    after = harvest.Position(last.changed_at, last.pk)
    following = Part(part.verb, part.form, part.selection, after=after, cursor=done, size=total)
    ends = _stamp(datetime.now(UTC) + TOKEN_LIFE)
    return element("resumptionToken", following.token(), expirationDate=ends, **said)


def _header(record: PublishedRecord, set_spec: str = "") -> str:
    is_deleted = harvest.is_deleted(record, set_spec)
    sets = record.sets
    if set_spec and record.book_id is not None and is_deleted:
        sets = [*sets, set_spec]
    return (
        ('<header status="deleted">' if is_deleted else "<header>")
        + element("identifier", identifier(record.uid))
        + element("datestamp", _stamp(record.changed_at))
        + "".join(element("setSpec", spec) for spec in sets)
        + "</header>"
    )


def _whole(header: str, said: str | None) -> str:
    """A record; a book that was deleted a moment ago is a deleted one."""
    if said is None:
        header = header.replace("<header>", '<header status="deleted">')
        return f"<record>{header}</record>"
    return f"<record>{header}<metadata>{said}</metadata></record>"


# --- Verbs ---------------------------------------------------------------------------------------------------------


def _identify(arguments: dict[str, str], before: datetime) -> str:
    sample = identifier(UUID(int=0))
    return "".join(
        [
            element("repositoryName", settings.LIBRARY_NAME),
            element("baseURL", base_url()),
            element("protocolVersion", "2.0"),
            element("adminEmail", settings.OAI_ADMIN_EMAIL or settings.DEFAULT_FROM_EMAIL),
            element("earliestDatestamp", _stamp(harvest.earliest() or before)),
            element("deletedRecord", "persistent"),
            element("granularity", "YYYY-MM-DDThh:mm:ssZ"),
            element("compression", "gzip"),
            f'<description><oai-identifier xmlns="{IDENTIFIER_NAMESPACE}"',
            f' xsi:schemaLocation="{IDENTIFIER_NAMESPACE} http://www.openarchives.org/OAI/2.0/oai-identifier.xsd">',
            element("scheme", "oai"),
            element("repositoryIdentifier", namespace()),
            element("delimiter", ":"),
            element("sampleIdentifier", sample),
            "</oai-identifier></description>",
        ]
    )


def _list_metadata_formats(arguments: dict[str, str], before: datetime) -> str:
    if "identifier" in arguments and _record(arguments["identifier"]).book_id is None:
        raise OaiError("noMetadataFormats", _("The record is deleted: there is nothing of it to be had."))
    return "".join(
        "<metadataFormat>"
        + element("metadataPrefix", form)
        + element("schema", schema.location)
        + element("metadataNamespace", schema.namespace)
        + "</metadataFormat>"
        for form, schema in SCHEMAS.items()
    )


def _list_sets(arguments: dict[str, str], before: datetime) -> str:
    if "resumptionToken" in arguments:
        raise OaiError("badResumptionToken", _("The list of sets is given whole."))
    specs = harvest.set_specs()
    if not specs:
        raise OaiError("noSetHierarchy", _("There are no records yet, and so no sets."))
    branches = dict(Branch.objects.values_list("code", "name"))
    kinds = [kind for kind in harvest.KINDS if harvest.is_in(specs, kind)]
    return "".join(
        f"<set>{element('setSpec', spec)}{element('setName', _set_name(spec, branches))}</set>"
        for spec in [*kinds, *specs]
    )


def _set_name(spec: str, branches: dict[str, str]) -> str:
    kind, _colon, code = spec.partition(":")
    if not code:
        return {
            "material": _("Everything, by material"),
            "language": _("By language"),
            "branch": _("What the branches have, by branch"),
        }[kind]
    if kind == "branch":
        return branches.get(code, code)
    if kind == "language":
        return language_label(code)
    return str(dict(MaterialType.choices).get(code, code)).capitalize()


def _get_record(arguments: dict[str, str], before: datetime) -> str:
    record = _record(arguments["identifier"])
    form = _format(arguments["metadataPrefix"])
    known = {} if record.book_id is None else metadata({record.book_id: record.uid}, form)
    return _whole(_header(record), known.get(record.book_id or 0))


_LISTS = {"optional": frozenset({"from", "until", "set", "resumptionToken"}), "required": frozenset({"metadataPrefix"})}
VERBS = {
    "Identify": Verb(_identify),
    "ListMetadataFormats": Verb(_list_metadata_formats, optional=frozenset({"identifier"})),
    "ListSets": Verb(_list_sets, optional=frozenset({"resumptionToken"})),
    "ListIdentifiers": Verb(_list, **_LISTS),
    "ListRecords": Verb(_list, **_LISTS),
    "GetRecord": Verb(_get_record, required=frozenset({"identifier", "metadataPrefix"})),
}
