"""Librarians see the other catalogues, administrators enter them."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

GRANTS = {
    "librarian": ("view_target",),
    "admin": ("view_target", "add_target", "change_target", "delete_target"),
}


def grant(apps, schema_editor):
    """Give the role groups their permissions; Django would write those only after all migrations."""
    app_config = apps.get_app_config("lookup")
    app_config.models_module = getattr(app_config, "models_module", None) or True
    create_permissions(app_config, apps=apps, verbosity=0)
    Permission = apps.get_model("auth", "Permission")
    for role, codenames in GRANTS.items():
        if group := apps.get_model("auth", "Group").objects.filter(name=role).first():
            group.permissions.add(
                *Permission.objects.filter(content_type__app_label="lookup", codename__in=codenames)
            )


class Migration(migrations.Migration):
    dependencies = [("lookup", "0001_initial"), ("accounts", "0002_role_groups")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
