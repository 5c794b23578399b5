-- The least that is safe: copy and reader locked, loans counted, one insert, one update; no rules, no audit, no receipt.
\set copy :first_copy + :client_id * :slice + random(0, :slice - 1)
\set reader :first_reader + :client_id * :slice + random(0, :slice - 1)
BEGIN;
SELECT status FROM catalog_copy WHERE id = :copy FOR NO KEY UPDATE;
SELECT id FROM accounts_reader WHERE id = :reader FOR NO KEY UPDATE;
SELECT count(*) FROM circulation_loan WHERE reader_id = :reader AND returned_at IS NULL;
INSERT INTO circulation_loan (uid, copy_id, reader_id, branch_id, checked_out_at, due_at, terms, renewals, age_group) VALUES (gen_random_uuid(), :copy, :reader, (SELECT min(id) FROM policies_branch), now(), now() + interval '14 days', '{}', 0, '');
UPDATE catalog_copy SET status = 'loaned' WHERE id = :copy;
COMMIT;
BEGIN;
SELECT status FROM catalog_copy WHERE id = :copy FOR NO KEY UPDATE;
UPDATE circulation_loan SET returned_at = now(), return_branch_id = branch_id WHERE copy_id = :copy AND returned_at IS NULL;
UPDATE catalog_copy SET status = 'available' WHERE id = :copy;
COMMIT;
