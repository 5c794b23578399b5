"""What facets count of a book as one text, kept true by PostgreSQL itself whoever writes the entry."""

from django.db import migrations, models
from django.db.models import F, Func

FUNCTION = """
CREATE FUNCTION catalog_facet_values(
    language text, material_type text, year smallint,
    genres bigint[], subjects bigint[], authors bigint[], branches bigint[], on_shelf bigint[])
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT concat_ws(' ',
    'l' || nullif(language, ''), 'm' || material_type, 'd' || floor(year / 10.0)::int * 10,
    'g' || nullif(array_to_string(genres, ' g'), ''), 's' || nullif(array_to_string(subjects, ' s'), ''),
    'a' || nullif(array_to_string(authors, ' a'), ''), 'b' || nullif(array_to_string(branches, ' b'), ''),
    'o o' || nullif(array_to_string(on_shelf, ' o'), '')) $$
"""
MORE_MEMORY = "SET LOCAL maintenance_work_mem = '256MB'"
"""The table is written anew, and all its indexes with it."""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0013_copies_set_aside")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION catalog_facet_values"),
        migrations.RunSQL(MORE_MEMORY, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="searchentry",
            name="facet_values",
            field=models.GeneratedField(
                db_persist=True,
                expression=Func(
                    F("language"),
                    F("material_type"),
                    F("year"),
                    F("genres"),
                    F("subjects"),
                    F("authors"),
                    F("branches"),
                    F("on_shelf"),
                    function="catalog_facet_values",
                ),
                output_field=models.TextField(),
            ),
        ),
    ]
