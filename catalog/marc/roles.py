"""Who did what for a book: relator codes and words of records as our roles.

Codes: MARC Code List for Relators; UNIMARC Manual, Appendix C.
"""

import re
from functools import lru_cache

from catalog.models import Contribution
from library.core.text import fold

Role = Contribution.Role

_BY_CODE = {
    Role.AUTHOR: "aut cre dis lyr lbt 070 072 460 480 520 721",
    Role.EDITOR: "edt pbd red edc 340 651",
    Role.TRANSLATOR: "trl 730",
    Role.ILLUSTRATOR: "ill 440",
    Role.COMPILER: "com 220",
    Role.COMPOSER: "cmp 230",
    Role.NARRATOR: "nrt 550",
    Role.ARTIST: "art prf sng mus cnd act pht itr clr ltr 040 590 600 250 005 721 755 545",
    Role.FOREWORD: "aui aft win wpr 080 075",
}
_BY_WORD = {
    Role.EDITOR: "edited editor eds ed herausg hrsg ред редак",
    Role.TRANSLATOR: "transl trans tr tradu trad ubers пер перев kaantaja",
    Role.ILLUSTRATOR: "illus ill pictu drawn drawi худож худ ил илл рис иллюс",
    Role.COMPILER: "compil comp selec сост соста собр zusam",
    Role.COMPOSER: "compos music муз музык композ",
    Role.NARRATOR: "narra read чит читае",
    Role.ARTIST: "artist photo perfo actor instr singer lette color фот фотог исполн",
    Role.FOREWORD: "forew prefa introd afterw предисл вступ послес",
    Role.AUTHOR: "author creator auteur verfa kirjoittaja writt by авт автор",
}
_CODES = {code: role for role, codes in _BY_CODE.items() for code in codes.split()}
_RANKED = [(word, role) for role, words in _BY_WORD.items() for word in words.split()]
_RANK = {word: rank for rank, (word, _) in enumerate(_RANKED)}
_ABBREVIATION = 4
"""Words up to this length must stand alone; longer ones may begin a word: «illus» for «illustrated»."""
_STEMS = sorted({len(word) for word in _RANK if len(word) > _ABBREVIATION})
_SHORT = 3
"""Letters of a surname that are enough to look for it."""
_CASE_ENDING = re.compile("(?:ая|ий|ый|ой|а|я|й|ь)$")
"""What a Russian surname loses in «под ред. С. В. Логвиновой»."""


def of_code(code: str) -> Role | None:
    """The role of a relator code: «trl», «730», also at the end of an address; None when unknown."""
    return _CODES.get(code.strip(" .").rpartition("/")[2].lower()[:3])


@lru_cache(4096)
def of_word(text: str) -> Role | None:
    """The role named in words: «editor.», «под ред.», «illustrated by»; None when there is none.

    Of several the one that comes first in `_BY_WORD` counts: «edited by» has an editor, not an author.
    """
    words = fold(text).split()
    ranks = [_RANK[word] for word in words if word in _RANK]
    ranks += [_RANK[word[:length]] for word in words for length in _STEMS if word[:length] in _RANK]
    return _RANKED[min(ranks)][1] if ranks else None


def in_statement(name: str, statement: str) -> Role | None:
    """The role of a person by the statement of responsibility: «…; pictures by Maurice Sendak» for «Sendak, Maurice».

    The words before the surname, back to the semicolon, say it. None when the name does not occur there.
    """
    surname = _CASE_ENDING.sub("", fold(name.partition(",")[0]))
    if len(surname) < _SHORT:
        return None
    for position, part in enumerate(statement.split(";")):
        before, found, _ = f" {fold(part)}".partition(f" {surname}")
        if found:
            return of_word(before) or (Role.AUTHOR if position == 0 else None)
    return None
