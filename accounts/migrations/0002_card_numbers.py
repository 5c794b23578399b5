"""The sequence that card numbers are drawn from: no two desks ever get the same."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE SEQUENCE accounts_card_number MAXVALUE 9999999999", "DROP SEQUENCE accounts_card_number")
    ]
