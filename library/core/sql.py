"""Statements that every desk sends all day: the ORM builds each of them once, and then only the values are new.

To put a statement together takes the ORM longer than PostgreSQL takes to run it. What is asked or written once in a
while goes through query sets as everywhere; what every check-out asks is a `Ready` query, and its rows are written by
`insert` and `update`. The SQL is the ORM's own in each case, so that a migration changes it with all the rest.
"""

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.models import Expression, Field, Lookup, Model, QuerySet
from django.db.models.query import ModelIterable, get_related_populators
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row")


class Slot(Expression):
    """A place in a query for a value that comes with each call, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """A placeholder, with the slot itself as what is filled in."""
        return "%s", [self]


@Field.register_lookup
class Among(Lookup):
    """`pk__among=of("keys")`: one of a list that fills one slot, however long it is, where `in` would need many."""

    lookup_name = "among"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """The column compared with the elements of an array."""
        column, column_values = self.process_lhs(compiler, connection)
        _place, array = self.process_rhs(compiler, connection)
        return f"{column} = ANY(%s)", [*column_values, *array]


class _Built(NamedTuple):
    sql: str
    parameters: tuple[Any, ...]
    """Values that are always the same, and a Slot for each that is not."""
    converters: dict[int, Any]
    object_of: Callable[[Any], Any]
    """Makes of a row what the query set gives for it."""
    is_locking: bool


class Ready(Generic[Row]):
    """A query whose SQL is built when it is first asked, and kept.

    `build` is called once, with `Slot` for what differs: `Ready(lambda of: Loan.objects.filter(copy=of("copy")))` is
    asked by `.rows(copy=7)`. Objects come with `select_related`, deferred columns and annotations, or as the tuples of
    `values_list`; a query set that prefetches is none for this. One that locks raises TransactionManagementError
    outside of a transaction.
    """

    def __init__(self, build: "Callable[[type[Slot]], QuerySet[Any, Row]]") -> None:
        self._build = build

    def rows(self, **values: Any) -> list[Row]:
        """What is found with these values in the slots. One query."""
        built = self._built
        if built.is_locking and connection.get_autocommit():
            raise TransactionManagementError("Rows are locked in a transaction only.")
        parameters = [values[one.name] if isinstance(one, Slot) else one for one in built.parameters]
        with connection.cursor() as cursor:
            cursor.execute(built.sql, parameters)
            found = cursor.fetchall()
        if built.converters:
            found = [self._converted(row) for row in found]
        return [built.object_of(row) for row in found]

    def first(self, **values: Any) -> Row | None:
        """The first of them, if there is any; the query says for itself how many it fetches."""
        return next(iter(self.rows(**values)), None)

    @cached_property
    def _built(self) -> _Built:
        asked = self._build(Slot)
        query = asked.query
        compiler: Any = query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        columns = [column[0] for column in compiler.select]
        return _Built(
            sql=sql,
            parameters=tuple(parameters),
            converters=compiler.get_converters(columns),
            object_of=_object_maker(compiler) if asked._iterable_class is ModelIterable else tuple,
            is_locking=query.select_for_update,
        )

    def _converted(self, row: tuple[Any, ...]) -> list[Any]:
        values = list(row)
        for place, (converters, expression) in self._built.converters.items():
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        return values


def _object_maker(compiler: Any) -> Callable[[Any], Any]:
    """As `ModelIterable` makes the objects of a query set."""
    about = compiler.klass_info
    model, places = about["model"], about["select_fields"]
    start, end = places[0], places[-1] + 1
    names = [column[0].target.attname for column in compiler.select[start:end]]
    related = get_related_populators(about, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg] # the stubs know a later Django
    annotations = list(compiler.annotation_col_map.items())

    def object_of(row: Any) -> Any:
        found = model.from_db(DEFAULT_DB_ALIAS, names, row[start:end])
        for one in related:
            one.populate(row, found)
        for name, place in annotations:
            setattr(found, name, row[place])
        return found

    return object_of


def insert(row: Model, *, unless_known: bool = False) -> bool:
    """Write a new row, which gets its key; no signals. `unless_known`: one like it may exist, then nothing is written.

    Whether it was written.
    """
    fields, sql = _insertion(type(row), unless_known)
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields])
        written = cursor.fetchone()
    if written:
        row.pk = written[0]
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return bool(written)


def update(row: Model, *names: str) -> None:
    """Write these fields of a row, as `save(update_fields=names)` does; no signals. DatabaseError: no such row."""
    fields, sql = _updating(type(row), names)
    values = [field.get_db_prep_save(field.pre_save(row, False), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, row.pk])
        if cursor.rowcount != 1:
            raise DatabaseError(f"there is no row of {row._meta.label} with the key {row.pk}")


@cache
def _insertion(model: type[Model], unless_known: bool) -> tuple[list[Any], str]:
    about: Any = model._meta
    fields = [field for field in about.concrete_fields if not (field.primary_key or field.generated)]
    columns = ", ".join(_quoted(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    or_not = " ON CONFLICT DO NOTHING" if unless_known else ""
    table, key = _quoted(about.db_table), _quoted(about.pk.column)
    return fields, f"INSERT INTO {table} ({columns}) VALUES ({places}){or_not} RETURNING {key}"  # noqa: S608 # names of ours


@cache
def _updating(model: type[Model], names: tuple[str, ...]) -> tuple[list[Any], str]:
    about: Any = model._meta
    fields = [about.get_field(name) for name in names]
    columns = ", ".join(f"{_quoted(field.column)} = %s" for field in fields)
    table, key = _quoted(about.db_table), _quoted(about.pk.column)
    return fields, f"UPDATE {table} SET {columns} WHERE {key} = %s"  # noqa: S608 # names of ours


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
