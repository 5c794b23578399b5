"""Who may choose how readers are told, and write to them, to begin with."""

from django.db import migrations

from library.core.grants import give

BOTH = {
    "notifications.letter": ("choose_letters", "send_messages"),
    "notifications.message": ("view",),
}


def give_permissions(apps, schema_editor):
    """Librarians and administrators do both."""
    give(apps, schema_editor, {"librarian": BOTH, "admin": BOTH})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_role_groups"), ("notifications", "0006_searches_and_messages")]
    operations = [migrations.RunPython(give_permissions, migrations.RunPython.noop)]
