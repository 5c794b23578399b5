"""Librarians and administrators work with reservations; afterwards the panel may tune it."""

from importlib import import_module

from django.db import migrations

BOTH = {
    "reservations": (
        "view_reservation",
        "view_transfer",
        "place_reservations",
        "cancel_reservations",
        "move_reservations",
        "fill_reservations",
        "override_available_on_shelf",
    ),
    "circulation": ("override_kept_for_another", "override_reserved_by_another", "override_in_transit"),
}
ADMIN = {"reservations": ("override_not_reservable", "override_reservation_limit")}


def grant(apps, schema_editor):
    """Give the role groups their permissions; Django would write those only after all migrations."""
    import_module("accounts.migrations.0002_role_groups").create_all_permissions(apps)
    Permission = apps.get_model("auth", "Permission")
    for role, grants in (("librarian", BOTH), ("admin", BOTH), ("admin", ADMIN)):
        group = apps.get_model("auth", "Group").objects.get(name=role)
        for app, codenames in grants.items():
            group.permissions.add(
                *Permission.objects.filter(content_type__app_label=app, codename__in=codenames)
            )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_batch_changes"),
        ("circulation", "0004_claims"),
        ("reservations", "0001_initial"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
