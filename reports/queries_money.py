"""Charges and payments. Definitions: docs/reports.md. An entry counts on its day by its branch's clock."""

from reports.registry import Asked, Query

IN_PERIOD = """
    entry.at >= %(from_at)s AND entry.at < %(to_at)s
    AND (entry.at AT TIME ZONE branch.time_zone)::date BETWEEN %(since)s AND %(until)s
    AND (%(branch)s::bigint IS NULL OR entry.branch_id = %(branch)s)
"""
CHARGES = "('overdue', 'replacement', 'processing', 'reservation', 'manual')"
BY_KIND = f"""
    SELECT kind, count(*) AS charges, sum(amount) AS charged, sum(paid) AS paid, sum(waived) AS waived,
           sum(reversed) AS reversed, sum(amount - paid - waived - reversed) AS left
    FROM (SELECT entry.kind, entry.amount, coalesce(cover.waived, 0) AS waived, coalesce(cover.reversed, 0) AS reversed,
                 coalesce(cover.paid, 0) AS paid
          FROM cashdesk_entry entry
          JOIN policies_branch branch ON branch.id = entry.branch_id
          LEFT JOIN LATERAL (
              SELECT sum(share.amount) FILTER (WHERE credit.kind = 'waiver') AS waived,
                     sum(share.amount) FILTER (WHERE credit.kind = 'charge_reversal') AS reversed,
                     sum(share.amount) FILTER (WHERE credit.kind NOT IN ('waiver', 'charge_reversal')) AS paid
              FROM cashdesk_allocation share JOIN cashdesk_entry credit ON credit.id = share.credit_id
              WHERE share.debit_id = entry.id) AS cover ON true
          WHERE entry.kind IN {CHARGES} AND {IN_PERIOD}) AS charged
    GROUP BY kind
"""
"""What was charged in the period, and what has become of it until now."""
BY_METHOD = f"""
    SELECT branch.name AS branch, entry.method, branch.id || entry.method AS id,
           count(*) FILTER (WHERE entry.kind = 'payment') AS payments,
           coalesce(sum(entry.amount) FILTER (WHERE entry.kind = 'payment'), 0) AS taken,
           coalesce(sum(entry.amount) FILTER (WHERE entry.kind = 'payment_reversal'), 0) AS reversed,
           coalesce(sum(entry.effect) FILTER (WHERE entry.kind IN ('refund', 'charge_reversal')), 0) AS given_back,
           sum(-entry.effect) AS net
    FROM cashdesk_entry entry
    JOIN policies_branch branch ON branch.id = entry.branch_id
    WHERE entry.method <> '' AND {IN_PERIOD}
    GROUP BY branch.id, branch.name, entry.method
"""
"""What went through the till; a refund that was taken back lessens what was given back."""
BY_MONTH = f"""
    SELECT month::date AS month,
           coalesce(sum(entry.amount) FILTER (WHERE entry.kind IN {CHARGES}), 0) AS charged,
           coalesce(-sum(entry.effect) FILTER (WHERE entry.method <> ''), 0) AS taken,
           coalesce(sum(entry.amount) FILTER (WHERE entry.kind = 'waiver'), 0) AS waived
    FROM generate_series(date_trunc('month', %(since)s::timestamp), %(until)s::timestamp, '1 month') AS month
    LEFT JOIN (SELECT entry.kind, entry.amount, entry.effect, entry.method,
                      date_trunc('month', entry.at AT TIME ZONE branch.time_zone) AS in_month
               FROM cashdesk_entry entry JOIN policies_branch branch ON branch.id = entry.branch_id
               WHERE {IN_PERIOD}) AS entry ON entry.in_month = month
    GROUP BY month
"""


def charges(asked: Asked) -> Query:
    """Charges by kind."""
    return Query(BY_KIND, asked.parameters())


def payments(asked: Asked) -> Query:
    """Money by branch and method."""
    return Query(BY_METHOD, asked.parameters())


def by_month(asked: Asked) -> Query:
    """Charged, taken and forgiven, month by month."""
    return Query(BY_MONTH, asked.parameters())
