"""The age of a reader at check-out, as a piece of SQL for whatever reads loans. docs/reports.md defines it."""


def age_group(*, loan: str, reader: str, lent_on: str) -> str:
    """A value of `circulation.models.AgeGroup`, or empty where the birth date is not known.

    `loan` and `reader` are aliases in the statement, `lent_on` the local day of the check-out. A loan whose reader is
    forgotten keeps its group.
    """
    years = f"extract(year FROM age({lent_on}, {reader}.birth_date))"
    return f"""CASE WHEN {loan}.age_group <> '' THEN {loan}.age_group WHEN {reader}.birth_date IS NULL THEN ''
        WHEN {years} < 15 THEN '0-14' WHEN {years} < 36 THEN '15-35' WHEN {years} < 60 THEN '36-59' ELSE '60+' END"""
