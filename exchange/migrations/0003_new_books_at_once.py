"""Parts and copies that come before their books, as imports write them, touch nothing: seen by one look at an index."""

from django.db import migrations

FUNCTIONS = """
CREATE OR REPLACE FUNCTION exchange_part_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {new}
        PERFORM exchange_touch(ARRAY(SELECT DISTINCT book_id FROM entered));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM exchange_touch(ARRAY(SELECT DISTINCT book_id FROM gone));
    ELSIF OLD IS DISTINCT FROM NEW THEN
        PERFORM exchange_touch(ARRAY[OLD.book_id, NEW.book_id]);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION exchange_copy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        {new}
        PERFORM exchange_resort(ARRAY(SELECT DISTINCT book_id FROM entered));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM exchange_resort(ARRAY(SELECT DISTINCT book_id FROM gone));
    ELSIF (OLD.book_id, OLD.branch_id, OLD.status IN ('lost', 'withdrawn'))
          <> (NEW.book_id, NEW.branch_id, NEW.status IN ('lost', 'withdrawn')) THEN
        PERFORM exchange_resort(ARRAY[OLD.book_id, NEW.book_id]);
    END IF;
    RETURN NULL;
END $$;
"""
"""As in 0002, but for {new}: no published record has a key as high as those of new books have."""
NEW = """IF NOT EXISTS (
            SELECT FROM exchange_publishedrecord WHERE book_id >= (SELECT min(book_id) FROM entered)) THEN
            RETURN NULL;
        END IF;"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0002_triggers")]

    operations = [migrations.RunSQL(FUNCTIONS.format(new=NEW), FUNCTIONS.format(new=""))]
