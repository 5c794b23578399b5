"""What must be true of the data at every commit, asked of a whole database: one statement for each invariant.

An app's module `integrity` has `CHECKS`, whose statements find the rows that break what they say. Nothing should ever
be found: constraints, locks and tests see to that. What is found nevertheless (somebody wrote by hand, a disk failed,
there is a defect) is named with what to do about it. docs/circulation.md lists the invariants.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _

SHOWN = 10
"""How many of the rows that break an invariant are named, unless one asks for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One invariant, and the statement that finds what breaks it."""

    code: str
    """Stable: in the log, in the summary of the daily job, for `--only`."""
    says: Promise
    """What should be true."""
    mend: Promise
    """What to do where it is not."""
    sql: str
    """A SELECT of the rows that break it; the names of its columns are told with their values, so they are words."""
    parameters: Callable[[], Sequence[Any]] = tuple


@dataclass(frozen=True, slots=True)
class Finding:
    """An invariant that does not hold."""

    check: Check
    count: int
    rows: tuple[str, ...]
    """The first of them: `copy INV-1, status loaned`."""


def checks() -> list[Check]:
    """Those of all apps, in the order of INSTALLED_APPS."""
    found = []
    for config in apps.get_app_configs():
        if config.module and module_has_submodule(config.module, "integrity"):
            found += import_module(f"{config.name}.integrity").CHECKS
    return found


def findings(*, shown: int = SHOWN, only: Collection[str] = ()) -> list[Finding]:
    """Every invariant that does not hold, with the first `shown` rows; `only`: of these codes. A query for each."""
    found = (_ask(check, shown) for check in checks() if not only or check.code in only)
    return [finding for finding in found if finding]


def _ask(check: Check, shown: int) -> Finding | None:
    statement = f"SELECT count(*) OVER (), broken.* FROM ({check.sql}) AS broken LIMIT %s"  # noqa: S608 # our own text
    with connection.cursor() as cursor:
        cursor.execute(statement, [*check.parameters(), max(1, shown)])
        rows = cursor.fetchall()
        names = [column.name for column in cursor.description][1:]
    if not rows:
        return None
    told = (", ".join(f"{name} {value}" for name, value in zip(names, row[1:], strict=True)) for row in rows[:shown])
    return Finding(check, rows[0][0], tuple(told))


def _guards() -> list[list[str]]:
    """The names of all constraints that the models declare."""
    managed = (model._meta for model in apps.get_models() if model._meta.managed and not model._meta.proxy)
    return [sorted({constraint.name for meta in managed for constraint in meta.constraints})]


CHECKS = (
    Check(
        code="constraints_are_there",
        says=_("Every constraint that the program relies on is in the database and was checked."),
        mend=_(
            "Somebody dropped it, or it was restored without its check. Mend what the other findings name, then add it "
            "again as the migrations have it (manage.py sqlmigrate shows the statement), or run ALTER TABLE … VALIDATE "
            "CONSTRAINT."
        ),
        sql="""
            SELECT declared AS "constraint" FROM unnest(%s::text[]) AS declared
            WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conname = declared AND convalidated)
              AND NOT EXISTS (SELECT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                              WHERE relname = declared AND indisunique AND indisvalid)
            UNION
            SELECT conname FROM pg_constraint
            WHERE NOT convalidated AND connamespace = current_schema()::regnamespace
        """,
        parameters=_guards,
    ),
    Check(
        code="override_has_its_author",
        says=_("Every override has an author and a note."),
        mend=_(
            "The audit was written past the program. Ask the staff who was at the desk then, and keep the answer "
            "beside the audit, which is never changed."
        ),
        sql="""
            SELECT id AS entry, at, action, subject_name AS object FROM core_auditentry
            WHERE detail ? 'overridden' AND (actor_id IS NULL OR coalesce(btrim(detail ->> 'note'), '') = '')
            ORDER BY id
        """,
    ),
)
