"""Librarians and administrators may change many records at once and undo it."""

from importlib import import_module

from django.db import migrations

DEEDS = ("view", "add", "change")


def grant(apps, schema_editor):
    import_module("accounts.migrations.0002_role_groups").create_all_permissions(apps)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    codenames = [f"{deed}_batchchange" for deed in DEEDS]
    permissions = Permission.objects.filter(content_type__app_label="catalog", codename__in=codenames)
    for group in Group.objects.filter(name__in=["librarian", "admin"]):
        group.permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_merging"), ("catalog", "0007_batch_changes")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
