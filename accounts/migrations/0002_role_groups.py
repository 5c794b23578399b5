"""One group per role, with the permissions a role starts with; afterwards the panel may tune them."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

EVERYTHING = ("view", "add", "change", "delete")

# Role -> model -> what the role may do with it: view, add, change, delete, or a permission of the model's own.
ROLES = {
    "reader": {},
    "librarian": {
        "accounts.reader": ("view", "add", "change"),
        "accounts.readerblock": ("view", "add", "change"),
        "catalog.book": ("view", "add", "change", "import_book", "export_book"),
        "catalog.importrun": ("view",),
        "catalog.sourcerecord": ("view",),
        "catalog.contribution": EVERYTHING,
        "catalog.isbn": EVERYTHING,
        "catalog.copy": ("view", "add", "change", "import_copy", "export_copy"),
        "catalog.author": ("view", "add", "change"),
        "catalog.genre": ("view", "add", "change"),
        "catalog.subject": ("view", "add", "change"),
        "catalog.publisher": ("view", "add", "change"),
        "catalog.series": ("view", "add", "change"),
        "circulation.loan": (
            "view",
            "check_out_copies",
            "renew_loans",
            "return_copies",
            "override_card_expired",
            "override_age_restricted",
            "override_copy_lost",
            "override_copy_damaged",
            "override_loaned_to_another",
            "override_same_book_on_loan",
            "override_too_soon",
        ),
        "notifications.letter": ("view", "resend_letters"),
        "notifications.notice": ("view",),
        "policies.branch": ("view",),
        "policies.openinghours": ("view",),
        "policies.closedday": ("view",),
        "policies.readercategory": ("view",),
        "policies.itemtype": ("view",),
        "policies.lendingrule": ("view",),
    },
    "admin": {
        "accounts.user": ("view", "add", "change"),
        "accounts.reader": EVERYTHING,
        "accounts.readerblock": ("view", "add", "change"),
        "catalog.book": (*EVERYTHING, "import_book", "export_book"),
        "catalog.importrun": ("view",),
        "catalog.sourcerecord": ("view",),
        "catalog.contribution": EVERYTHING,
        "catalog.isbn": EVERYTHING,
        "catalog.copy": (*EVERYTHING, "import_copy", "export_copy"),
        "catalog.author": EVERYTHING,
        "catalog.genre": EVERYTHING,
        "catalog.subject": EVERYTHING,
        "catalog.publisher": EVERYTHING,
        "catalog.series": EVERYTHING,
        "circulation.loan": (
            "view",
            "check_out_copies",
            "renew_loans",
            "return_copies",
            "override_card_expired",
            "override_age_restricted",
            "override_copy_lost",
            "override_copy_damaged",
            "override_loaned_to_another",
            "override_same_book_on_loan",
            "override_too_soon",
            "override_reader_blocked",
            "override_reader_suspended",
            "override_overdue_limit",
            "override_not_for_loan",
            "override_loan_limit",
            "override_renewal_limit",
        ),
        "notifications.letter": ("view", "resend_letters"),
        "notifications.notice": ("view",),
        "policies.branch": EVERYTHING,
        "policies.openinghours": EVERYTHING,
        "policies.closedday": EVERYTHING,
        "policies.readercategory": EVERYTHING,
        "policies.itemtype": EVERYTHING,
        "policies.lendingrule": EVERYTHING,
        "core.auditentry": ("view",),
        "core.jobrun": ("view",),
        "auth.group": ("view", "change"),
        "django_celery_beat.periodictask": EVERYTHING,
        "django_celery_beat.crontabschedule": EVERYTHING,
        "django_celery_beat.intervalschedule": EVERYTHING,
        "django_celery_beat.clockedschedule": EVERYTHING,
        "django_celery_beat.solarschedule": EVERYTHING,
    },
}


def make_role_groups(apps, schema_editor):
    """Create the groups and give them what the table says; a permission the table misspells stops the migration."""
    create_all_permissions(apps)
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    known = {
        (permission.content_type.app_label, permission.codename): permission
        for permission in Permission.objects.select_related("content_type")
    }
    for role, grants in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.add(
            *(
                known[label.split(".")[0], codename(label.split(".")[1], action)]
                for label, actions in grants.items()
                for action in actions
            )
        )


def codename(model, action):
    return f"{action}_{model}" if action in EVERYTHING else action


def create_all_permissions(apps):
    """Django writes permissions after all migrations; here they are needed now."""
    for app_config in apps.get_app_configs():
        app_config.models_module = True  # without it Django skips the app
        create_permissions(app_config, apps=apps, verbosity=0)


def remove_role_groups(apps, schema_editor):
    """Remove the groups; users keep their role."""
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("catalog", "0001_initial"),
        ("circulation", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("core", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("notifications", "0001_initial"),
        ("policies", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_role_groups, remove_role_groups)]
