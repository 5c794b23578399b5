"""Librarians and administrators may merge books and authors and undo it."""

from importlib import import_module

from django.db import migrations

GRANTS = {
    "librarian": {"catalog.merge": ("view", "add", "change"), "catalog.authorname": ("view", "add", "change", "delete")},
    "admin": {"catalog.merge": ("view", "add", "change"), "catalog.authorname": ("view", "add", "change", "delete")},
}


def grant(apps, schema_editor):
    import_module("accounts.migrations.0002_role_groups").create_all_permissions(apps)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for role, models in GRANTS.items():
        for label, deeds in models.items():
            app, model = label.split(".")
            codenames = [f"{deed}_{model}" for deed in deeds]
            permissions = Permission.objects.filter(content_type__app_label=app, codename__in=codenames)
            Group.objects.get(name=role).permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_card_numbers"), ("catalog", "0006_merges")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
