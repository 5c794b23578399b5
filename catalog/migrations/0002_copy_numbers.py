"""The counter behind the inventory numbers and barcodes that the library gives out itself."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE catalog_copy_number", "DROP SEQUENCE catalog_copy_number"),
    ]
