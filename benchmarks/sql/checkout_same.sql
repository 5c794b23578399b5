-- The same rows locked, read and written as circulation.actions.check_out and return_copy, as prepared statements.
\set copy :first_copy + :client_id * :slice + random(0, :slice - 1)
\set reader :first_reader + :client_id * :slice + random(0, :slice - 1)
BEGIN;
SELECT b.id, ARRAY(SELECT a.name FROM catalog_contribution t JOIN catalog_author a ON a.id = t.author_id WHERE t.book_id = b.id AND t.role = 'author' ORDER BY t.position, t.id) FROM catalog_book b JOIN catalog_copy c ON c.book_id = b.id WHERE c.id = :copy FOR NO KEY UPDATE OF b;
SELECT * FROM catalog_copy c JOIN catalog_book b ON b.id = c.book_id JOIN policies_branch p ON p.id = c.branch_id JOIN policies_itemtype t ON t.id = c.item_type_id WHERE c.id = :copy FOR NO KEY UPDATE OF c;
SELECT * FROM accounts_reader r JOIN policies_readercategory k ON k.id = r.category_id WHERE r.id = :reader FOR NO KEY UPDATE OF r;
SELECT * FROM circulation_loan l JOIN catalog_copy c ON c.id = l.copy_id WHERE l.returned_at IS NULL AND (l.copy_id = :copy OR l.reader_id = :reader);
SELECT * FROM accounts_readerblock WHERE reader_id = :reader AND lifted_at IS NULL;
SELECT * FROM policies_lendingrule WHERE (category_id IS NULL OR category_id = 1) AND (item_type_id IS NULL OR item_type_id = 1) AND (branch_id IS NULL OR branch_id = 1);
SELECT weekday, opens_at, closes_at FROM policies_openinghours WHERE branch_id = 1;
SELECT starts_on, ends_on, repeats_yearly FROM policies_closedday WHERE branch_id IS NULL OR branch_id = 1;
INSERT INTO circulation_loan (uid, copy_id, reader_id, branch_id, checked_out_at, due_at, terms, renewals, age_group) VALUES (gen_random_uuid(), :copy, :reader, (SELECT min(id) FROM policies_branch), now(), now() + interval '14 days', :terms, 0, '');
UPDATE catalog_copy SET status = 'loaned' WHERE id = :copy;
INSERT INTO core_auditentry (at, action, subject_type, subject_id, subject_name, detail, request_id) VALUES (now(), 'circulation.check_out', 'circulation.loan', :copy, 'copy and reader', '{"due_at": "2026-03-16T23:59:59+03:00"}', '');
INSERT INTO notifications_notice (key, event, stage, reader_id, data, created_at, ready_at, is_daily) VALUES ('loan_receipt:' || gen_random_uuid(), 'loan_receipt', 0, :reader, '{"title": "A book", "due_on": "2026-03-16"}', now(), now(), false) ON CONFLICT DO NOTHING;
COMMIT;
BEGIN;
SELECT b.id FROM catalog_book b JOIN catalog_copy c ON c.book_id = b.id WHERE c.id = :copy FOR NO KEY UPDATE OF b;
SELECT * FROM catalog_copy c JOIN catalog_book b ON b.id = c.book_id JOIN policies_branch p ON p.id = c.branch_id JOIN policies_itemtype t ON t.id = c.item_type_id WHERE c.id = :copy FOR NO KEY UPDATE OF c;
SELECT * FROM circulation_loan l JOIN accounts_reader r ON r.id = l.reader_id WHERE l.returned_at IS NULL AND l.copy_id = :copy;
SELECT * FROM accounts_reader r JOIN policies_readercategory k ON k.id = r.category_id WHERE r.id = :reader FOR NO KEY UPDATE OF r;
UPDATE circulation_loan SET returned_at = now(), return_branch_id = branch_id WHERE copy_id = :copy AND returned_at IS NULL;
INSERT INTO core_auditentry (at, action, subject_type, subject_id, subject_name, detail, request_id) VALUES (now(), 'circulation.return', 'circulation.loan', :copy, 'copy and reader', '{"overdue_days": 0}', '');
UPDATE catalog_copy SET status = 'available' WHERE id = :copy;
COMMIT;
