"""Librarians charge and take money; what gives money or debt away is the administrators'. Afterwards the panel tunes it."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

DESK = ("view_charge", "view_payment", "add_charges", "take_payments")
GRANTS = {"librarian": DESK, "admin": (*DESK, "waive_charges", "give_refunds", "reverse_entries")}


def grant(apps, schema_editor):
    """Give both roles their permissions; Django writes them after all migrations only."""
    config = apps.get_app_config("cashdesk")
    config.models_module = True  # without it Django skips the app
    create_permissions(config, apps=apps, verbosity=0)
    Permission, Group = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    for role, codenames in GRANTS.items():
        found = Permission.objects.filter(content_type__app_label="cashdesk", codename__in=codenames)
        Group.objects.get(name=role).permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_role_groups"), ("cashdesk", "0002_append_only")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
