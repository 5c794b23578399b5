"""What no constraint can state: the ledger is only added to, and nothing covers more than it is worth."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION cashdesk_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is only added to: % of % is refused. Reverse the entry instead.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER entries_are_only_added BEFORE UPDATE OR DELETE ON cashdesk_entry
    FOR EACH ROW EXECUTE FUNCTION cashdesk_append_only();
CREATE TRIGGER allocations_are_only_added BEFORE UPDATE OR DELETE ON cashdesk_allocation
    FOR EACH ROW EXECUTE FUNCTION cashdesk_append_only();
CREATE TRIGGER entries_are_never_emptied BEFORE TRUNCATE ON cashdesk_entry
    FOR EACH STATEMENT EXECUTE FUNCTION cashdesk_append_only();
CREATE TRIGGER allocations_are_never_emptied BEFORE TRUNCATE ON cashdesk_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION cashdesk_append_only();

CREATE FUNCTION cashdesk_counter_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.last = OLD.last + 1 AND NEW.branch_id = OLD.branch_id AND NEW.year = OLD.year THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Receipt numbers have no gaps: % is refused.', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER receipts_have_no_gaps BEFORE UPDATE OR DELETE ON cashdesk_receiptcounter
    FOR EACH ROW EXECUTE FUNCTION cashdesk_counter_counts();
"""

NOT_APPEND_ONLY = """
DROP TRIGGER receipts_have_no_gaps ON cashdesk_receiptcounter;
DROP FUNCTION cashdesk_counter_counts;
DROP TRIGGER allocations_are_never_emptied ON cashdesk_allocation;
DROP TRIGGER entries_are_never_emptied ON cashdesk_entry;
DROP TRIGGER allocations_are_only_added ON cashdesk_allocation;
DROP TRIGGER entries_are_only_added ON cashdesk_entry;
DROP FUNCTION cashdesk_append_only;
"""

# At commit, for each allocation and reversal written. Both entries are locked first, so that two transactions that cover
# the same debt at once see each other's work, whoever wrote them. An entry's kind and amount never change.
FITTING = """
CREATE FUNCTION cashdesk_allocation_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    credit cashdesk_entry;
    debit cashdesk_entry;
BEGIN
    PERFORM 1 FROM cashdesk_entry WHERE id IN (NEW.credit_id, NEW.debit_id) ORDER BY id FOR NO KEY UPDATE;
    SELECT * INTO credit FROM cashdesk_entry WHERE id = NEW.credit_id;
    SELECT * INTO debit FROM cashdesk_entry WHERE id = NEW.debit_id;
    IF credit.effect >= 0 OR debit.effect <= 0 THEN
        RAISE EXCEPTION 'Allocation %: a credit covers a debit, not the other way round.', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF credit.reader_id <> debit.reader_id THEN
        RAISE EXCEPTION 'Allocation %: nobody pays for another reader here.', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT sum(amount) FROM cashdesk_allocation WHERE credit_id = credit.id) > credit.amount THEN
        RAISE EXCEPTION 'Credit % covers more than it is worth.', credit.id USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT sum(amount) FROM cashdesk_allocation WHERE debit_id = debit.id) > debit.amount THEN
        RAISE EXCEPTION 'Debit % is covered by more than it is.', debit.id USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT sum(amount) FROM cashdesk_allocation WHERE debit_id = debit.id AND credit_id = credit.id) < 0 THEN
        RAISE EXCEPTION 'Allocation % takes back more than was covered.', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER allocations_fit AFTER INSERT ON cashdesk_allocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cashdesk_allocation_fits();

CREATE FUNCTION cashdesk_reversal_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    reversed cashdesk_entry;
BEGIN
    SELECT * INTO reversed FROM cashdesk_entry WHERE id = NEW.reverses_id;
    IF reversed.reader_id <> NEW.reader_id OR reversed.reverses_id IS NOT NULL
       OR sign(reversed.effect) = sign(NEW.effect) OR NEW.amount > reversed.amount THEN
        RAISE EXCEPTION 'Entry % does not reverse entry %.', NEW.id, reversed.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER reversals_fit AFTER INSERT ON cashdesk_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL)
    EXECUTE FUNCTION cashdesk_reversal_fits();
"""

NOT_FITTING = """
DROP TRIGGER reversals_fit ON cashdesk_entry;
DROP FUNCTION cashdesk_reversal_fits;
DROP TRIGGER allocations_fit ON cashdesk_allocation;
DROP FUNCTION cashdesk_allocation_fits;
"""


class Migration(migrations.Migration):
    dependencies = [("cashdesk", "0001_initial")]
    operations = [
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
        migrations.RunSQL(FITTING, NOT_FITTING),
    ]
