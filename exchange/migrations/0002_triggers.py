"""The triggers that keep published records true whichever door changes the catalogue.

A transaction's first change takes an advisory lock whose key holds the second in which it was taken, and stamps every
record it touches with that second or a later one: exactly the second of the lock is kept for the whole transaction.
Whoever lists records looks at the locks held and goes no further than the earliest of them, so that a record committed
late is never behind a harvester (`exchange.harvest.horizon`).

Triggers of INSERT and DELETE work on whole statements, for imports by COPY. Those of UPDATE compare row by row inside
their functions: a comparison in the trigger's own condition would forbid later migrations to widen a column.
"""

from django.db import migrations

FUNCTIONS = r"""
CREATE FUNCTION exchange_stamp() RETURNS timestamptz LANGUAGE plpgsql AS $$
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

CREATE FUNCTION exchange_sets(book_ids bigint[]) RETURNS TABLE (book_id bigint, sets text[]) LANGUAGE sql STABLE AS $$
    SELECT book.id,
           ARRAY['material:' || book.material_type]
           || CASE WHEN book.language ~ '^[a-z]{3}$' THEN ARRAY['language:' || book.language] ELSE '{}' END
           || ARRAY(SELECT DISTINCT 'branch:' || branch.code
                    FROM catalog_copy copy JOIN policies_branch branch ON branch.id = copy.branch_id
                    WHERE copy.book_id = book.id AND copy.status NOT IN ('lost', 'withdrawn') ORDER BY 1)
    FROM catalog_book book WHERE book.id = ANY(book_ids)
$$;

CREATE FUNCTION exchange_touch(book_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stamp timestamptz;
BEGIN
    IF cardinality(book_ids) > 0 THEN
        stamp := exchange_stamp();
        WITH touched AS (
            SELECT id FROM exchange_publishedrecord
            WHERE book_id = ANY(book_ids) AND changed_at <> stamp ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE exchange_publishedrecord record SET changed_at = stamp FROM touched WHERE record.id = touched.id;
    END IF;
END $$;

CREATE FUNCTION exchange_sort(book_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM exchange_touch(book_ids);
    UPDATE exchange_publishedrecord record
    SET sets = fresh.sets,
        former_sets = ARRAY(SELECT DISTINCT one FROM unnest(former_sets || record.sets) one
                            WHERE one <> ALL(fresh.sets) ORDER BY 1)
    FROM exchange_sets(book_ids) fresh
    WHERE record.book_id = fresh.book_id AND record.sets <> fresh.sets;
END $$;

CREATE FUNCTION exchange_book_entered() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stamp timestamptz;
BEGIN
    IF EXISTS (SELECT FROM entered) THEN
        stamp := exchange_stamp();
        INSERT INTO exchange_publishedrecord AS record (uid, book_id, changed_at, sets, former_sets)
        SELECT entered.uid, entered.id, stamp, fresh.sets, '{}'
        FROM entered JOIN exchange_sets(ARRAY(SELECT id FROM entered)) fresh ON fresh.book_id = entered.id
        ORDER BY entered.id
        ON CONFLICT (uid) DO UPDATE
        SET book_id = EXCLUDED.book_id, changed_at = stamp, sets = EXCLUDED.sets,
            former_sets = ARRAY(SELECT DISTINCT one FROM unnest(record.former_sets || record.sets) one
                                WHERE one <> ALL(EXCLUDED.sets) ORDER BY 1);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION exchange_book_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.material_type, OLD.language) IS DISTINCT FROM (NEW.material_type, NEW.language) THEN
        PERFORM exchange_sort(ARRAY[NEW.id]);
    ELSIF (OLD.title, OLD.subtitle, OLD.other_titles, OLD.year, OLD.year_note, OLD.place, OLD.publisher_id, OLD.edition,
           OLD.pages, OLD.series_id, OLD.series_number, OLD.call_number, OLD.description, OLD.volume, OLD.parent_id)
          IS DISTINCT FROM
          (NEW.title, NEW.subtitle, NEW.other_titles, NEW.year, NEW.year_note, NEW.place, NEW.publisher_id, NEW.edition,
           NEW.pages, NEW.series_id, NEW.series_number, NEW.call_number, NEW.description, NEW.volume, NEW.parent_id) THEN
        PERFORM exchange_touch(ARRAY[NEW.id]);
    END IF;
    IF OLD.title <> NEW.title THEN
        PERFORM exchange_touch(ARRAY(SELECT id FROM catalog_book WHERE parent_id = NEW.id));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION exchange_book_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone) THEN
        PERFORM exchange_touch(ARRAY(SELECT id FROM gone));
        UPDATE exchange_publishedrecord SET book_id = NULL WHERE book_id IN (SELECT id FROM gone);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION exchange_part_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM exchange_touch(ARRAY(SELECT DISTINCT book_id FROM entered));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM exchange_touch(ARRAY(SELECT DISTINCT book_id FROM gone));
    ELSIF OLD IS DISTINCT FROM NEW THEN
        PERFORM exchange_touch(ARRAY[OLD.book_id, NEW.book_id]);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION exchange_copy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM exchange_resort(ARRAY(SELECT DISTINCT book_id FROM entered));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM exchange_resort(ARRAY(SELECT DISTINCT book_id FROM gone));
    ELSIF (OLD.book_id, OLD.branch_id, OLD.status IN ('lost', 'withdrawn'))
          <> (NEW.book_id, NEW.branch_id, NEW.status IN ('lost', 'withdrawn')) THEN
        PERFORM exchange_resort(ARRAY[OLD.book_id, NEW.book_id]);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION exchange_resort(book_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM exchange_sort(ARRAY(
        SELECT record.book_id FROM exchange_sets(book_ids) fresh
        JOIN exchange_publishedrecord record ON record.book_id = fresh.book_id WHERE record.sets <> fresh.sets));
END $$;

CREATE FUNCTION exchange_name_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    book_ids bigint[];
BEGIN
    IF OLD IS DISTINCT FROM NEW THEN
        EXECUTE format('SELECT array_agg(DISTINCT %I) FROM %I WHERE %I = $1', TG_ARGV[0], TG_ARGV[1], TG_ARGV[2])
        INTO book_ids USING NEW.id;
        PERFORM exchange_touch(book_ids);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION exchange_branch_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.code <> NEW.code THEN
        PERFORM exchange_resort(ARRAY(SELECT DISTINCT book_id FROM catalog_copy WHERE branch_id = NEW.id));
    END IF;
    RETURN NULL;
END $$;
"""
NAMES = [
    "stamp()",
    "sets(bigint[])",
    "touch(bigint[])",
    "sort(bigint[])",
    "resort(bigint[])",
    "book_entered()",
    "book_changed()",
    "book_deleted()",
    "part_changed()",
    "copy_changed()",
    "name_changed()",
    "branch_changed()",
]
PARTS = ["contribution", "isbn", "book_genres", "book_subjects", "sourcerecord"]
SHARED = {
    "catalog_author": ("book_id", "catalog_contribution", "author_id"),
    "catalog_genre": ("book_id", "catalog_book_genres", "genre_id"),
    "catalog_subject": ("book_id", "catalog_book_subjects", "subject_id"),
    "catalog_publisher": ("id", "catalog_book", "publisher_id"),
    "catalog_series": ("id", "catalog_book", "series_id"),
}


def triggers():
    """Table, event and function of every trigger."""
    yield "catalog_book", "INSERT", "exchange_book_entered()"
    yield "catalog_book", "UPDATE", "exchange_book_changed()"
    yield "catalog_book", "DELETE", "exchange_book_deleted()"
    for event in ("INSERT", "UPDATE", "DELETE"):
        for part in PARTS:
            yield f"catalog_{part}", event, "exchange_part_changed()"
        yield "catalog_copy", event, "exchange_copy_changed()"
    for table, where in SHARED.items():
        yield table, "UPDATE", "exchange_name_changed({}, {}, {})".format(*where)
    yield "policies_branch", "UPDATE", "exchange_branch_changed()"


HOW = {
    "INSERT": "REFERENCING NEW TABLE AS entered FOR EACH STATEMENT",
    "UPDATE": "FOR EACH ROW",
    "DELETE": "REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
}
TRIGGERS = [
    (
        f"CREATE TRIGGER exchange_{event.lower()} AFTER {event} ON {table} {HOW[event]} EXECUTE FUNCTION {function}",
        f"DROP TRIGGER exchange_{event.lower()} ON {table}",
    )
    for table, event, function in triggers()
]


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_initial"), ("catalog", "0002_copy_numbers"), ("policies", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTIONS, [f"DROP FUNCTION exchange_{name}" for name in reversed(NAMES)]),
        *(migrations.RunSQL(*trigger) for trigger in TRIGGERS),
    ]
