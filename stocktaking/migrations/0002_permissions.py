"""Librarians count and put right; both roles start stocktakes. Afterwards the panel may tune it."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

GRANTED = ("view_stocktake", "add_stocktake", "change_stocktake", "correct_stocktake")


def grant(apps, schema_editor):
    """Give librarians and administrators the permissions; Django writes them after all migrations only."""
    config = apps.get_app_config("stocktaking")
    config.models_module = True  # without it Django skips the app
    create_permissions(config, apps=apps, verbosity=0)
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="stocktaking", codename__in=GRANTED
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=["librarian", "admin"]):
        group.permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_role_groups"),
        ("stocktaking", "0001_initial"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
