"""Both roles declare copies lost; who owes too much borrows by an administrator's leave only."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

GRANTS = {"librarian": ("declare_lost",), "admin": ("declare_lost", "override_debt_limit")}


def grant(apps, schema_editor):
    """Give the roles their permissions; Django writes them after all migrations only."""
    config = apps.get_app_config("circulation")
    config.models_module = True  # without it Django skips the app
    create_permissions(config, apps=apps, verbosity=0)
    Permission, Group = apps.get_model("auth", "Permission"), apps.get_model("auth", "Group")
    for role, codenames in GRANTS.items():
        found = Permission.objects.filter(content_type__app_label="circulation", codename__in=codenames)
        Group.objects.get(name=role).permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_role_groups"), ("circulation", "0002_lost_loans")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
