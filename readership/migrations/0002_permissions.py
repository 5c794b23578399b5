"""Librarians merge readers and see who wants to be erased; giving out all data and erasing are the administrators'."""

from django.db import migrations

from library.core.grants import give

LIBRARIAN = {"readership.readermerge": ("view", "add", "change"), "readership.erasurerequest": ("view",)}
ADMIN = LIBRARIAN | {
    "readership.erasurerequest": ("view", "erase_readers"),
    "readership.datafile": ("give_reader_data",),
}


def grant(apps, schema_editor):
    give(apps, schema_editor, {"librarian": LIBRARIAN, "admin": ADMIN})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_role_groups"), ("readership", "0001_initial")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
