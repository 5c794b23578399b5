from importlib import import_module

from django.db import migrations

ROLES = {
    "librarian": ("view", "add", "change"),
    "admin": ("view", "add", "change", "delete"),
}
"""Who may do what with the mappings of copies in records."""


def grant(apps, schema_editor):
    """Librarians see and change where copies stand in records."""
    import_module("accounts.migrations.0002_role_groups").create_all_permissions(apps)
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="catalog")
    for role, actions in ROLES.items():
        group = apps.get_model("auth", "Group").objects.get(name=role)
        group.permissions.add(*(permissions.get(codename=f"{action}_copyfieldmapping") for action in actions))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_batch_changes"), ("catalog", "0011_copy_field_mapping")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
