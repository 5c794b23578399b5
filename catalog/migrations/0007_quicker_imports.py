"""An import fills fewer indexes, has fewer references checked, and its triggers see at once that its books are new."""

import django.db.models.deletion
from django.db import migrations, models

TOPICS = ("catalog_book_genres", "catalog_book_subjects")
NO_DOUBLED_INDEX = """
DO $$
DECLARE
    doubled text;
BEGIN
    SELECT indexrelid::regclass::text INTO doubled FROM pg_index
    WHERE indrelid = '{table}'::regclass AND indnatts = 1 AND NOT indisunique
          AND indkey[0] = (SELECT attnum FROM pg_attribute WHERE attrelid = indrelid AND attname = 'book_id');
    IF doubled IS NOT NULL THEN
        EXECUTE format('DROP INDEX %s', doubled);
    END IF;
END $$
"""
"""Django gives each column of a many-to-many table an index; that of pairs, book first, serves for books as well."""

FUNCTION = """
CREATE OR REPLACE FUNCTION catalog_copies_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        {new}
        touched := ARRAY(SELECT DISTINCT book_id FROM new_copies);
    ELSIF TG_OP = 'DELETE' THEN
        touched := ARRAY(SELECT DISTINCT book_id FROM old_copies);
    ELSE
        touched := ARRAY(
            SELECT DISTINCT touch.book
            FROM old_copies former JOIN new_copies latter USING (id),
                 unnest(ARRAY[former.book_id, latter.book_id]) AS touch(book)
            WHERE (former.book_id, former.branch_id, former.status, former.is_reference_only)
                  IS DISTINCT FROM (latter.book_id, latter.branch_id, latter.status, latter.is_reference_only));
    END IF;
    PERFORM FROM catalog_searchentry WHERE book_id = ANY(touched) ORDER BY book_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE catalog_searchentry entry
    SET on_shelf = fresh.on_shelf,
        branches = fresh.branches,
        words = CASE WHEN entry.branches = fresh.branches THEN words ELSE
            ts_delete(words, ARRAY(SELECT '@b' || branch FROM unnest(entry.branches) branch))
            || array_to_tsvector(ARRAY(SELECT '@b' || branch FROM unnest(fresh.branches) branch)) END
    FROM (
        SELECT book_id,
               ARRAY(SELECT DISTINCT branch_id FROM catalog_copy copy WHERE copy.book_id = touch.book_id
                     AND status NOT IN ('lost', 'withdrawn') ORDER BY 1) AS branches,
               ARRAY(SELECT DISTINCT branch_id FROM catalog_copy copy WHERE copy.book_id = touch.book_id
                     AND status = 'available' AND NOT is_reference_only ORDER BY 1) AS on_shelf
        FROM unnest(touched) AS touch(book_id)
    ) fresh
    WHERE entry.book_id = fresh.book_id
          AND (entry.branches, entry.on_shelf) IS DISTINCT FROM (fresh.branches, fresh.on_shelf);
    RETURN NULL;
END $$
"""
"""As in 0003, but for {new}: no entry has a key as high as those of new books have."""
NEW = """IF NOT EXISTS (
            SELECT FROM catalog_searchentry WHERE book_id >= (SELECT min(book_id) FROM new_copies)) THEN
            RETURN NULL;
        END IF;"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_volumes_of_records")]

    operations = [
        migrations.RemoveIndex("book", "books_by_year"),
        migrations.AlterField(
            "contribution",
            "book",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="contributions",
                to="catalog.book",
                verbose_name="book",
            ),
        ),
        migrations.AlterField(
            "isbn",
            "book",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="isbns",
                to="catalog.book",
                verbose_name="book",
            ),
        ),
        migrations.AlterField(
            "copy",
            "book",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="catalog.book",
                verbose_name="book",
            ),
        ),
        migrations.AlterField(
            "importedbook",
            "run",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="books",
                to="catalog.importrun",
                verbose_name="import",
            ),
        ),
        migrations.AlterField(
            "sourcerecord",
            "run",
            models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="records",
                to="catalog.importrun",
                verbose_name="import",
            ),
        ),
        *[
            migrations.RunSQL(NO_DOUBLED_INDEX.format(table=table), f"CREATE INDEX ON {table} (book_id)")
            for table in TOPICS
        ],
        migrations.RunSQL(FUNCTION.format(new=NEW), FUNCTION.format(new="")),
    ]
