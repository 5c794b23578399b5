"""The datestamp follows what a record says of a volume: its designation, its set, and the title of the set.

And the lock of a change never names a later second than the change is stamped with.
"""

from django.db import migrations

BEFORE = r"""
CREATE OR REPLACE FUNCTION exchange_book_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.material_type, OLD.language) IS DISTINCT FROM (NEW.material_type, NEW.language) THEN
        PERFORM exchange_sort(ARRAY[NEW.id]);
    ELSIF (OLD.title, OLD.subtitle, OLD.other_titles, OLD.year, OLD.year_note, OLD.place, OLD.publisher_id, OLD.edition,
           OLD.pages, OLD.series_id, OLD.series_number, OLD.call_number, OLD.description)
          IS DISTINCT FROM
          (NEW.title, NEW.subtitle, NEW.other_titles, NEW.year, NEW.year_note, NEW.place, NEW.publisher_id, NEW.edition,
           NEW.pages, NEW.series_id, NEW.series_number, NEW.call_number, NEW.description) THEN
        PERFORM exchange_touch(ARRAY[NEW.id]);
    END IF;
    RETURN NULL;
END $$;
"""
NOW = BEFORE.replace(
    "OLD.call_number, OLD.description)", "OLD.call_number, OLD.description, OLD.volume, OLD.parent_id)"
).replace(
    "NEW.call_number, NEW.description)", "NEW.call_number, NEW.description, NEW.volume, NEW.parent_id)"
).replace(
    "    RETURN NULL;",
    """    IF OLD.title <> NEW.title THEN
        PERFORM exchange_touch(ARRAY(SELECT id FROM catalog_book WHERE parent_id = NEW.id));
    END IF;
    RETURN NULL;""",
)  # fmt: skip


STAMP_BEFORE = r"""
CREATE OR REPLACE FUNCTION exchange_stamp() RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    stamp text := current_setting('library.exchange_stamp', true);
BEGIN
    IF stamp IS NULL OR stamp = '' THEN
        PERFORM pg_advisory_xact_lock_shared((1868654960::bigint << 32) | extract(epoch FROM clock_timestamp())::bigint);
        stamp := floor(extract(epoch FROM clock_timestamp()))::bigint::text;
        PERFORM set_config('library.exchange_stamp', stamp, true);
    END IF;
    RETURN to_timestamp(stamp::bigint);
END $$;
"""
STAMP = r"""
CREATE OR REPLACE FUNCTION exchange_stamp() RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    stamp text := current_setting('library.exchange_stamp', true);
    begun bigint;
BEGIN
    IF stamp IS NULL OR stamp = '' THEN
        begun := floor(extract(epoch FROM clock_timestamp()));
        PERFORM pg_advisory_xact_lock_shared((1868654960::bigint << 32) | begun);
        stamp := greatest(begun, floor(extract(epoch FROM clock_timestamp())))::bigint::text;
        PERFORM set_config('library.exchange_stamp', stamp, true);
    END IF;
    RETURN to_timestamp(stamp::bigint);
END $$;
"""
"""A cast rounds: in the second half of a second the lock would name the next one."""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_initial"), ("catalog", "0005_volumes")]

    operations = [migrations.RunSQL(NOW, BEFORE), migrations.RunSQL(STAMP, STAMP_BEFORE)]
