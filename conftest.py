"""What every test needs: role groups, which a test with real commits sweeps away, and no memory of what it swept."""

from importlib import import_module

from django.apps import apps
from django.contrib.auth.models import Group
from django.db.models.signals import post_migrate


def restore_role_groups(**_kwargs):
    """Django empties the tables after a test with real commits and says so by this signal."""
    import_module("catalog.search")._remembered.clear()
    if not Group.objects.exists():
        import_module("accounts.migrations.0002_role_groups").make_role_groups(apps, None)
        import_module("stocktaking.migrations.0002_permissions").grant(apps, None)
        import_module("lookup.migrations.0002_grants").grant(apps, None)
        import_module("accounts.migrations.0004_merging").grant(apps, None)
        import_module("accounts.migrations.0005_batch_changes").grant(apps, None)


def pytest_sessionstart(session):
    post_migrate.connect(restore_role_groups, sender=apps.get_app_config("django_celery_beat"))
