"""What facets count takes fewer words: those that many books share are one word, taken apart once for all of them."""

from django.db import migrations

_FUNCTION = """
CREATE OR REPLACE FUNCTION catalog_facet_values(
    language text, material_type text, year smallint,
    genres bigint[], subjects bigint[], authors bigint[], branches bigint[], on_shelf bigint[])
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT concat_ws(' ', {}) $$
"""
_COLUMN = """
ALTER TABLE catalog_searchentry ADD COLUMN facet_values text GENERATED ALWAYS AS (
    catalog_facet_values(language, material_type, year, genres, subjects, authors, branches, on_shelf)) STORED
"""
_TOPICS = """
    'g' || nullif(array_to_string(genres, ' g'), ''), 's' || nullif(array_to_string(subjects, ' s'), ''),
    'a' || nullif(array_to_string(authors, ' a'), '')"""
FEWER = f"""concat('=', material_type, '/', floor(year / 10.0)::int * 10, '/', language),{_TOPICS},
    concat('+', array_to_string(branches, ','), '/', array_to_string(on_shelf, ','))"""
FORMER = f"""'l' || nullif(language, ''), 'm' || material_type, 'd' || floor(year / 10.0)::int * 10,{_TOPICS},
    'b' || nullif(array_to_string(branches, ' b'), ''), 'o o' || nullif(array_to_string(on_shelf, ' o'), '')"""


def _anew(values: str) -> list[str]:
    """The column written anew, and the table with all its indexes."""
    return [
        "SET LOCAL maintenance_work_mem = '256MB'",
        "ALTER TABLE catalog_searchentry DROP COLUMN facet_values",
        _FUNCTION.format(values),
        _COLUMN,
    ]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_copy_field_mappings")]

    operations = [migrations.RunSQL(_anew(FEWER), _anew(FORMER))]
