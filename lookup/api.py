"""The API on look-ups: what the world knows of an ISBN."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import isbn as isbns
from catalog.bookdata import Person
from catalog.models import Contribution
from library.core.api import ApiView
from lookup import wording
from lookup.findings import Said, Source
from lookup.isbn_lookup import look_up, owned_books
from lookup.limits import LookupLimit
from lookup.trouble import Trouble


class SourceStateSerializer(serializers.Serializer):
    """What came of asking one source."""

    source = serializers.ChoiceField([str(source) for source in Source])  # type: ignore[assignment] # a field of that name
    name = serializers.CharField()
    state = serializers.ChoiceField(["found", "unknown", *map(str, Trouble)])
    message = serializers.CharField(help_text="Why it gave no answer; empty when it did.")


class PersonSerializer(serializers.Serializer):
    """Who made the book."""

    name = serializers.CharField(help_text="As in an index: «Толстой, Лев».")
    role = serializers.ChoiceField(Contribution.Role.choices)


class ValueSerializer(serializers.Serializer):
    """One value of a field and who says so."""

    source = serializers.ChoiceField([str(source) for source in Source])  # type: ignore[assignment] # a field of that name
    value = serializers.CharField(required=False)
    names = serializers.ListField(child=serializers.CharField(), required=False)
    people = PersonSerializer(many=True, required=False)


class OwnedBookSerializer(serializers.Serializer):
    """A book of this library with that ISBN."""

    uid = serializers.UUIDField()
    title = serializers.CharField()
    copies = serializers.IntegerField()


class IsbnSerializer(serializers.Serializer):
    """Everything known of an ISBN."""

    isbn = serializers.CharField(help_text="13 digits.")
    is_found = serializers.BooleanField()
    fields_found = serializers.DictField(
        child=ValueSerializer(many=True),
        help_text="By field of a book, the preferred value first; docs/lookup.md has the rules.",
    )
    covers = ValueSerializer(many=True, help_text="Addresses of pictures.")
    owned = OwnedBookSerializer(many=True)
    sources = SourceStateSerializer(many=True)


class IsbnView(ApiView):
    """What the world knows of an ISBN."""

    needs = {"get": "catalog.add_book"}
    checks_address = True
    """A part of the address may be wrong: the description of the API names 400, too."""
    throttle_classes = [LookupLimit]
    serializer_class = IsbnSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("isbn", OpenApiTypes.STR, "path", description="10 or 13 digits, with hyphens or not.")
        ]
    )
    def get(self, request: Request, isbn: str) -> Response:
        """Look an ISBN up

        Open Library and Google Books are asked at the same time. A source that cannot be asked is named in `sources`,
        and the others' answer stands.
        """
        try:
            value = isbns.clean(isbn[:60])
        except ValidationError as refusal:
            raise serializers.ValidationError({"isbn": refusal.messages}, code="isbn") from refusal
        answer = look_up(value)
        merged = answer.merged
        books = owned_books(value)
        told = {
            "isbn": value,
            "is_found": bool(answer.findings),
            "fields_found": {name: [_value(said) for said in all_said] for name, all_said in merged.fields.items()},
            "covers": [_value(said) for said in merged.covers],
            "owned": [{"uid": book.uid, "title": book.title, "copies": book.copy_count} for book in books],
            "sources": [
                *(_state(finding.source, "found") for finding in answer.findings),
                *(
                    _state(source, failure.trouble, wording.sentence(wording.SOURCE_NAMES[source], failure))
                    for source, failure in answer.troubles.items()
                ),
                *(_state(source, "unknown") for source in answer.unknown),
            ],
        }
        return Response(IsbnSerializer(told).data)


def _state(source: Source, state: str, message: str = "") -> dict[str, str]:
    return {"source": str(source), "name": wording.SOURCE_NAMES[source], "state": str(state), "message": message}


def _value(said: Said) -> dict[str, Any]:
    shown: dict[str, Any] = {"source": str(said.source)}
    if not isinstance(said.value, tuple):
        return shown | {"value": said.value}
    if said.value and isinstance(said.value[0], Person):
        return shown | {"people": [{"name": person.name, "role": str(person.role)} for person in said.value]}
    return shown | {"names": list(said.value)}
