"""Librarians and administrators print letters."""

from django.db import migrations

from library.core.grants import give

PRINTS = {"post.batch": ("print_letters",)}


def grant(apps, schema_editor):
    give(apps, schema_editor, {"librarian": PRINTS, "admin": PRINTS})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_role_groups"), ("post", "0001_batches")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
