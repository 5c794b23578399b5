"""The Contextual Query Language of SRU, as much of it as is understood here (docs/exchange.md): text to a tree.

Knows neither Django nor the database; which indexes there are is `exchange.finding`'s affair. What is not understood
is a `Diagnostic` of the protocol, with the number and words of its list.
"""

import re
from dataclasses import dataclass
from typing import Literal

LONGEST = 1000
"""Characters of a query."""
MOST_CLAUSES = 16
"""Search clauses of a query."""
DEEPEST = 16
"""Parentheses inside each other."""
RELATIONS = frozenset({"=", "==", "exact", "adj", "any", "all", "<", ">", "<=", ">=", "<>", "within"})
MESSAGES = {
    4: "Unsupported operation",
    5: "Unsupported version",
    6: "Unsupported parameter value",
    7: "Mandatory parameter not supplied",
    8: "Unsupported parameter",
    10: "Query syntax error",
    12: "Too many characters in query",
    13: "Invalid or unsupported use of parentheses",
    15: "Unsupported context set",
    16: "Unsupported index",
    19: "Unsupported relation",
    20: "Unsupported relation modifier",
    22: "Unsupported combination of relation and index",
    27: "Empty term unsupported",
    28: "Masking character not supported",
    29: "Masked words too short",
    31: "Anchoring character not supported",
    33: "Combination of proximity/adjacency and masking characters not supported",
    36: "Term in invalid format for index or relation",
    38: "Too many boolean operators in query",
    39: "Proximity not supported",
    46: "Unsupported boolean modifier",
    47: "Cannot process query",
    48: "Query feature unsupported",
    61: "First record position out of range",
    66: "Unknown schema for retrieval",
    71: "Unsupported record packing",
    72: "XPath retrieval unsupported",
    80: "Sort not supported",
    82: "Unsupported sort sequence",
    110: "Stylesheets not supported",
}
"""The diagnostics of info:srw/diagnostic/1 that are given here."""

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([()/])|(<=|>=|<>|==|=|<|>)|([^\s()/<>="]+))', re.DOTALL)
_BOOLEANS = ("and", "or", "not")


class Diagnostic(Exception):
    """Why a request is not answered: number in the list of SRU diagnostics, and what it is about."""

    def __init__(self, number: int, details: str = "") -> None:
        super().__init__(MESSAGES[number])
        self.number = number
        self.details = details


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing looked for. Index and relation are in lower case; `is_truncated`: the term is a beginning."""

    index: str
    relation: str
    term: str
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two trees under and, or, or not (the left but not the right)."""

    operator: Literal["and", "or", "not"]
    left: "Clause | Pair"
    right: "Clause | Pair"


@dataclass(frozen=True, slots=True)
class SortKey:
    """What to sort by; the index is in lower case."""

    index: str
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A query: what to look for, how to sort."""

    tree: Clause | Pair
    sort: tuple[SortKey, ...] = ()


def parse(text: str) -> Query:
    """The query as a tree. Raises Diagnostic."""
    if len(text) > LONGEST:
        raise Diagnostic(12, str(LONGEST))
    parser = _Parser(_tokens(text))
    tree = parser.query(0)
    sort = parser.sort_keys()
    if parser.here:
        raise Diagnostic(10, parser.here)
    return Query(tree, sort)


def _tokens(text: str) -> list[str]:
    """Words, signs and quoted strings, these with their quotes."""
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found:
            raise Diagnostic(10, text[place : place + 50])
        tokens.append(found[0].lstrip())
        place = found.end()
    return tokens


class _Parser:
    """A walk over the tokens by recursive descent; `here` is the next one, empty at the end."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.place = 0
        self.clauses = 0

    @property
    def here(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.here
        self.place += 1
        return token

    def query(self, depth: int) -> Clause | Pair:
        """Clauses with booleans between them, grouped from the left: all bind alike."""
        if depth > DEEPEST:
            raise Diagnostic(13, f"{DEEPEST} levels")
        tree = self.clause(depth)
        while (word := self.here.lower()) in (*_BOOLEANS, "prox"):
            self.take()
            if word == "prox":
                raise Diagnostic(39)
            if self.here == "/":
                raise Diagnostic(46)
            right = self.clause(depth)
            tree = Pair("and" if word == "and" else "or" if word == "or" else "not", tree, right)
        return tree

    def clause(self, depth: int) -> Clause | Pair:
        if self.here == "(":
            self.take()
            tree = self.query(depth + 1)
            if self.take() != ")":
                raise Diagnostic(13)
            return tree
        if self.here == ">":
            raise Diagnostic(48, "prefix assignment")
        self.clauses += 1
        if self.clauses > MOST_CLAUSES:
            raise Diagnostic(38, str(MOST_CLAUSES - 1))
        first = self.word()
        relation = self.here.lower()
        is_relation = relation in RELATIONS or self.is_unknown_relation()
        if not is_relation:
            return _clause("cql.serverchoice", "=", first)
        self.take()
        if relation not in RELATIONS:
            raise Diagnostic(19, relation)
        if self.here == "/":
            raise Diagnostic(20)
        return _clause(first.strip('"').lower(), relation, self.word())

    def is_unknown_relation(self) -> bool:
        """Whether a word stands where only a relation can: another follows that is no boolean."""
        word = self.here
        following = self.tokens[self.place + 1] if self.place + 1 < len(self.tokens) else ""
        return bool(
            word
            and word not in "()/"
            and word.lower() not in (*_BOOLEANS, "prox", "sortby")
            and following
            and following not in ("(", ")")
        )

    def word(self) -> str:
        """An index or a term."""
        word = self.take()
        if not word or word in "()/" or word in RELATIONS - {"exact", "adj", "any", "all", "within"}:
            raise Diagnostic(10, word or "the query ends too early")
        return word

    def sort_keys(self) -> tuple[SortKey, ...]:
        if self.here.lower() != "sortby":
            return ()
        self.take()
        keys: list[SortKey] = []
        while self.here:
            index, is_descending = self.word().strip('"').lower(), False
            while self.here == "/":
                self.take()
                modifier = self.word().lower()
                if modifier not in ("sort.ascending", "sort.descending"):
                    raise Diagnostic(82, modifier)
                is_descending = modifier == "sort.descending"
            keys.append(SortKey(index, is_descending))
        if not keys:
            raise Diagnostic(10, "sortBy")
        return tuple(keys)


def _clause(index: str, relation: str, token: str) -> Clause:
    """A clause with its term unquoted, its asterisk understood."""
    raw = token[1:-1] if token.startswith('"') else token
    letters: list[str] = []
    is_truncated = is_escaped = False
    for place, letter in enumerate(raw):
        if is_escaped:
            letters.append(letter)
            is_escaped = False
        elif letter == "\\":
            is_escaped = True
        elif letter == "*" and place == len(raw) - 1:
            is_truncated = True
        elif letter in "*?":
            raise Diagnostic(28, letter)
        elif letter == "^":
            raise Diagnostic(31, letter)
        else:
            letters.append(letter)
    term = "".join(letters).strip()
    if not term:
        raise Diagnostic(27)
    return Clause(index, relation, term, is_truncated)
