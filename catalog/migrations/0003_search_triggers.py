"""Whoever changes a copy, circulation above all, the search counts it in the same commit."""

from django.db import migrations

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
"""The rows are locked before
the copies are read: of two who change copies of one book at once, the second sees what the first did."""
ROOM_FOR_STATES = "ALTER TABLE catalog_searchentry SET (fillfactor = 85)"
"""A check-out changes one short array that is in no index: with room on the page it touches no index either."""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_copy_numbers")]

    operations = [
        migrations.RunSQL(ROOM_FOR_STATES, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
