"""What the search knows of a book, in a table of its own; `manage.py prepare` fills it."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models


TRIGGERS = """
CREATE FUNCTION catalog_copies_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
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
END $$;
CREATE TRIGGER copies_added AFTER INSERT ON catalog_copy REFERENCING NEW TABLE AS new_copies
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_copies_changed();
CREATE TRIGGER copies_changed AFTER UPDATE ON catalog_copy REFERENCING OLD TABLE AS old_copies NEW TABLE AS new_copies
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_copies_changed();
CREATE TRIGGER copies_deleted AFTER DELETE ON catalog_copy REFERENCING OLD TABLE AS old_copies
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_copies_changed();
"""
NO_TRIGGERS = """
DROP TRIGGER copies_added ON catalog_copy;
DROP TRIGGER copies_changed ON catalog_copy;
DROP TRIGGER copies_deleted ON catalog_copy;
DROP FUNCTION catalog_copies_changed;
"""
"""Whoever changes a copy, circulation above all, the search counts it in the same commit. The rows are locked before
the copies are read: of two who change copies of one book at once, the second sees what the first did."""
ROOM_FOR_STATES = "ALTER TABLE catalog_searchentry SET (fillfactor = 85)"
"""A check-out changes one short array that is in no index: with room on the page it touches no index either."""



class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0008_imports_undone'),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchEntry',
            fields=[
                ('book', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='search_entry', serialize=False, to='catalog.book')),
                ('words', django.contrib.postgres.search.SearchVectorField()),
                ('sort_title', models.CharField(max_length=300)),
                ('sort_author', models.CharField(max_length=300)),
                ('language', models.CharField(max_length=3)),
                ('material_type', models.CharField(max_length=10)),
                ('year', models.SmallIntegerField(null=True)),
                ('created_at', models.DateTimeField()),
                ('genres', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('subjects', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('authors', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('branches', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('on_shelf', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('popularity', models.PositiveIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'search entry',
                'verbose_name_plural': 'search entries',
            },
        ),
        migrations.CreateModel(
            name='SearchWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=60)),
                ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), size=None)),
            ],
            options={
                'verbose_name': 'search word',
                'verbose_name_plural': 'search words',
            },
        ),
        migrations.RemoveIndex(
            model_name='book',
            name='books_full_text',
        ),
        migrations.RemoveIndex(
            model_name='book',
            name='books_by_author',
        ),
        migrations.RemoveField(
            model_name='book',
            name='search_vector',
        ),
        migrations.RemoveField(
            model_name='book',
            name='sort_author',
        ),
        migrations.AddIndex(
            model_name='author',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('folded_name', config='simple'), name='authors_by_word'),
        ),
        migrations.AddIndex(
            model_name='subject',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('folded_name', config='simple'), name='subjects_by_word'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=django.contrib.postgres.indexes.GinIndex(fields=['words'], gin_pending_list_limit=1024, name='books_full_text'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(fields=['sort_title', 'book'], name='entries_by_title'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(fields=['sort_author', 'sort_title', 'book'], name='entries_by_author'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(models.OrderBy(models.F('year'), descending=True, nulls_last=True), models.OrderBy(models.F('book'), descending=True), name='entries_by_year'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(fields=['-created_at', '-book'], name='entries_newest_first'),
        ),
        migrations.AddIndex(
            model_name='searchentry',
            index=models.Index(fields=['-popularity', '-book'], name='entries_by_popularity'),
        ),
        migrations.AddIndex(
            model_name='searchword',
            index=models.Index(fields=['word'], name='search_words_by_word'),
        ),
        migrations.AddIndex(
            model_name='searchword',
            index=django.contrib.postgres.indexes.GinIndex(fields=['keys'], name='search_words_by_key'),
        ),
        migrations.RunSQL(ROOM_FOR_STATES, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
