"""Both roles settle claims and record damage; due dates are moved by administrators."""

from functools import partial

from django.db import migrations

from library.core.grants import give

BOTH = {"circulation.loan": ("settle_claims", "record_damage"), "circulation.reading": ("view",)}
GRANTS = {"librarian": BOTH, "admin": {**BOTH, "circulation.loan": (*BOTH["circulation.loan"], "move_due_dates")}}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_role_groups"), ("circulation", "0002_loans_life")]
    operations = [migrations.RunPython(partial(give, grants=GRANTS), migrations.RunPython.noop)]
