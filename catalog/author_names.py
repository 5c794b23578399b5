"""Other forms of authors' names: finding somebody by them."""

from collections.abc import Iterable

from catalog.models import AuthorName


def authors_by_variant(folded_names: Iterable[str]) -> dict[str, int]:
    """The author of whom this is another form of the name, by folded form; forms that several have are left out."""
    found: dict[str, set[int]] = {}
    rows = AuthorName.objects.filter(folded_name__any_of=list(folded_names)).values_list("folded_name", "author")
    for name, author in rows:
        found.setdefault(name, set()).add(author)
    return {name: next(iter(authors)) for name, authors in found.items() if len(authors) == 1}
