-- %(past)s loans that are over, one a minute back from twenty days ago, each with the audit of its check-out.
WITH lent AS (
    INSERT INTO circulation_loan (uid, copy_id, reader_id, branch_id, checked_out_at, due_at, terms, renewals, returned_at,
                                  return_branch_id, age_group)
    SELECT gen_random_uuid(), %(first_copy)s + n %% %(many)s, %(first_reader)s + n * 7 %% %(many)s, %(branch)s, at,
           at + interval '14 days', %(terms)s, 0, at + interval '5 days', %(branch)s, ''
    FROM generate_series(0, %(past)s - 1) AS n,
         LATERAL (SELECT now() - interval '20 days' - n * interval '1 minute' AS at) AS day
    RETURNING id, checked_out_at, due_at)
INSERT INTO core_auditentry (at, action, subject_type, subject_id, subject_name, detail, request_id)
SELECT checked_out_at, 'circulation.check_out', 'circulation.loan', id, 'B' || id,
       jsonb_build_object('due_at', due_at, 'limits', jsonb_build_array(jsonb_build_object('limit', 3))), ''
FROM lent;
