"""What roles may do, written by migrations: one group per role, which the panel may tune afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

EVERYTHING = ("view", "add", "change", "delete")


def give(
    apps: Apps, schema_editor: BaseDatabaseSchemaEditor, grants: Mapping[str, Mapping[str, Sequence[str]]]
) -> None:
    """Give role groups permissions, making the groups that are missing.

    `grants`: role -> "app.model" -> what the role may do with it: view, add, change, delete, or the code name of a
    permission of the model's own. Raises KeyError for a permission that does not exist.
    """
    _create_all_permissions(apps)
    groups: Any = apps.get_model("auth", "Group")
    permissions: Any = apps.get_model("auth", "Permission")
    known = {
        (permission.content_type.app_label, permission.codename): permission
        for permission in permissions.objects.select_related("content_type")
    }
    for role, models in grants.items():
        group, _ = groups.objects.get_or_create(name=role)
        group.permissions.add(
            *(
                known[label.split(".")[0], _codename(label.split(".")[1], action)]
                for label, actions in models.items()
                for action in actions
            )
        )
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _codename(model: str, action: str) -> str:
    return f"{action}_{model}" if action in EVERYTHING else action


def _create_all_permissions(apps: Apps) -> None:
    """Django writes permissions after all migrations; here they are needed now."""
    app_config: Any
    for app_config in apps.get_app_configs():
        app_config.models_module = True  # without it Django skips the app
        create_permissions(app_config, apps=apps, verbosity=0)
