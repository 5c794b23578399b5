"""All staff write down visits and build reports; of what, their other permissions say."""

from functools import partial

from django.db import migrations

from library.core.grants import give

GRANTS = {role: {"reports.visits": ("count_visits",), "reports.builtreport": ("build_reports",)} for role in ("librarian", "admin")}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_role_groups"), ("reports", "0004_day_figures")]
    operations = [migrations.RunPython(partial(give, grants=GRANTS), migrations.RunPython.noop)]
