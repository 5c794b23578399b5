"""All staff view reports and have them sent to colleagues; what tells who a reader is takes the readers' permission."""

from functools import partial

from django.db import migrations

from library.core.grants import give

GRANTS = {role: {"reports.savedreport": ("view_reports", "schedule_reports")} for role in ("librarian", "admin")}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_role_groups"), ("reports", "0001_initial")]
    operations = [migrations.RunPython(partial(give, grants=GRANTS), migrations.RunPython.noop)]
