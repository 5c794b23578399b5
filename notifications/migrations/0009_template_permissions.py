"""Who may write the library's own words for letters, to begin with."""

from django.db import migrations

from library.core.grants import give


def give_permissions(apps, schema_editor):
    """Librarians look at them, administrators write them."""
    give(
        apps,
        schema_editor,
        {
            "librarian": {"notifications.lettertemplate": ("view",)},
            "admin": {"notifications.lettertemplate": ("view", "change")},
        },
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_role_groups"), ("notifications", "0008_letter_templates")]
    operations = [migrations.RunPython(give_permissions, migrations.RunPython.noop)]
