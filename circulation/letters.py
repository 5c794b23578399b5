"""What letters about loans say of a loan."""

from collections.abc import Iterable

from circulation.models import Loan
from notifications.letters import LoanLine, loan_line


def line_about(loan: Loan, *, authors: Iterable[str]) -> LoanLine:
    """The data of a notice about a loan, which comes `in_full()`; `authors` as in an index: «Толстой, Лев»."""
    return loan_line(
        loan=loan.uid,
        title=loan.copy.book.title,
        authors="; ".join(authors),
        inventory_number=loan.copy.inventory_number,
        branch=loan.copy.branch.name,
        due_at=loan.due_at,
        zone=loan.ruling_branch.zone,
    )
