"""A lookup that Django lacks."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Field, Lookup

from catalog.rows import text_array


@Field.register_lookup
class AnyOf(Lookup):
    """`name__any_of=names`: as `in`, with the values sent as one array, which is quick for thousands of them."""

    lookup_name = "any_of"
    prepare_rhs = False
    rhs: Iterable[Any]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """column = ANY(array)."""
        column, parameters = self.process_lhs(compiler, connection)
        values = list(self.rhs)
        if values and all(isinstance(value, str) for value in values):
            return f"{column} = ANY(%s::text[])", [*parameters, text_array(values)]
        return f"{column} = ANY(%s)", [*parameters, values]
