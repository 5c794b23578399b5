"""What letters about loans say of a loan."""

from collections.abc import Collection, Iterable

from catalog.models import Contribution
from circulation.models import Loan
from notifications.letters import LoanLine, loan_line


def line_about(loan: Loan, *, authors: Iterable[str], why: str = "") -> LoanLine:
    """The data of a notice about a loan, which comes `in_full()`; `authors` as in an index: «Толстой, Лев».

    `why` is what there is to say of it, in the language of the reader.
    """
    return loan_line(
        loan=loan.uid,
        title=loan.copy.book.title,
        authors="; ".join(authors),
        inventory_number=loan.copy.inventory_number,
        branch=loan.copy.branch.name,
        due_at=loan.due_at,
        zone=loan.ruling_branch.zone,
        why=why,
    )


def authors_of(book_ids: Collection[int]) -> dict[int, list[str]]:
    """The names of the authors of books as in an index, in order; books without any are missing. One query."""
    authors = Contribution.objects.filter(book__in=book_ids, role=Contribution.Role.AUTHOR)
    names: dict[int, list[str]] = {}
    for book_id, name in authors.order_by("position", "pk").values_list("book", "author__name"):
        names.setdefault(book_id, []).append(name)
    return names
