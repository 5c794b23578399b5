"""A stamp that changes with the rules and calendars, so that they need not be read anew for every loan."""

from django.db import migrations, models

WATCHED = ("policies_branch", "policies_closedday", "policies_lendingrule", "policies_openinghours")

FUNCTION = """
CREATE FUNCTION policies_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO policies_revision (id, stamp) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END $$;
"""
TRIGGER = """
CREATE TRIGGER policies_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION policies_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("policies", "0003_quiet_hours")]

    operations = [
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stamp", models.UUIDField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION policies_changed()"),
        *(
            migrations.RunSQL(TRIGGER.format(table=table), f"DROP TRIGGER policies_changed ON {table}")
            for table in WATCHED
        ),
        migrations.RunSQL("INSERT INTO policies_revision (id, stamp) VALUES (1, gen_random_uuid())", ""),
    ]
