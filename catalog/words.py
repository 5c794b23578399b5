"""Words as search sees them: stems, forms of names, sounds across alphabets, keyboard layouts. All of them folded."""

import re
from functools import lru_cache
from itertools import chain

import Stemmer

LONGEST_KEY = 8
"""Consonants of a word that its `spelling_keys` look at."""

_CYRILLIC = re.compile("[а-яёіѣѳѵ]")
_RUSSIAN, _ENGLISH = Stemmer.Stemmer("russian"), Stemmer.Stemmer("english")

_STOP_WORDS = """
а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его ее если есть
еще же за здесь и из или им их к как ко когда кто ли либо мне может мы на надо наш не него нее нет ни них но ну о об
однако он она они оно от очень по под при с со так также такой там те тем то того тоже той только том ты у уже хотя
чего чей чем что чтобы чье чья эта эти это я
a an and are as at be but by for from had has have he her his how i in into is it its of on or our she so that the
their them then there these they this to was we were what when which who will with you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words too frequent to tell books apart; found in titles and names all the same when nothing else is asked for."""


@lru_cache(1 << 17)
def stem(word: str) -> str:
    """What the forms of a word share, by the Snowball rules of its language: «войны» -> «войн»; stop words: ""."""
    if word in STOP_WORDS:
        return ""
    if not word.isalpha():
        return word
    return str((_RUSSIAN if _CYRILLIC.search(word) else _ENGLISH).stemWord(word))


# --- Sounds --------------------------------------------------------------------------------------------------------
_SOUNDS = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфхыэіѣѳѵ", "abvgdeziiklmnoprstufhieiefi", strict=True)),
        **{"ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ь": "", "ю": "iu", "я": "ia", "ё": "e"},
        **{"w": "v", "y": "i", "j": "i", "x": "ks", "q": "k"},
    }
)
_SPELLINGS = [
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("shch|sch", "sh"),
        ("tsch|tch", "ch"),
        ("zh", "j"),
        ("kh", "h"),
        ("ph", "f"),
        ("th", "t"),
        ("c(?=[ei])", "s"),
        ("ck|c(?!h)", "k"),
        ("(?<=k)u(?=[ei])", ""),
        ("z", "s"),
        ("i[eo]", "e"),
        (r"(.)\1+", r"\1"),
    )
]
_VOWELS = re.compile("[aeiou]")


@lru_cache(1 << 17)
def sound(word: str) -> str:
    """How a word sounds whatever alphabet and romanisation it is in: «Толстой», tolstoy, tolstoi -> "tolstoi"."""
    said = word.translate(_SOUNDS)
    for pattern, one in _SPELLINGS:
        said = pattern.sub(one, said)
    return said


_OBLIQUE = {
    **dict.fromkeys(("ого", "его", "ому", "ему"), ("ой", "ый", "ий", "")),
    **dict.fromkeys(("ым", "им"), ("ой", "ый", "ий", "")),
    **dict.fromkeys(("ом", "ем"), ("ой", "ый", "ий", "", "ь", "й")),
    **dict.fromkeys(("ой", "ою"), ("а",)),
    **dict.fromkeys(("ей", "ею"), ("я",)),
    "ую": ("ая",),
    "ии": ("ия", "ий"),
    "ия": ("ий",),
    "ию": ("ий", "ия"),
    "а": ("",),
    "у": ("", "а"),
    "е": ("", "а"),
    "ы": ("а",),
    "и": ("а", "я", "ь"),
    "я": ("ь", "й"),
    "ю": ("ь", "й", "я"),
}
"""Endings of Russian names in oblique cases, and those that the nominative may have instead."""


@lru_cache(1 << 14)
def name_sounds(word: str) -> tuple[str, ...]:
    """The sounds of the names that a typed word may be a form of: «толстого» -> of «толстой», «толстый», «толстий».

    The word itself comes first. A nominative is nobody's oblique case: «толстый» is not «Толстой».
    """
    names = [word]
    if len(word) > 3 and _CYRILLIC.search(word):
        for length in (3, 2, 1):
            root, ending = word[:-length], word[-length:]
            if len(root) > 1:
                names += [root + instead for instead in _OBLIQUE.get(ending, ())]
    return tuple(dict.fromkeys(map(sound, names)))


# --- Spelling ------------------------------------------------------------------------------------------------------
@lru_cache(1 << 16)
def spelling_keys(word: str) -> tuple[str, ...]:
    """What a word shares with those it is mistaken for: its consonants as they sound, also with any one left out.

    Two words that differ by vowels and by one consonant left out, added, changed or swapped have a key in common:
    «достаевский» and «Достоевский», "shakespear" and "Shakespeare".
    """
    bones = _VOWELS.sub("", sound(word))[:LONGEST_KEY] or sound(word)[:LONGEST_KEY]
    if len(bones) < 4:
        return (bones,)
    return tuple(dict.fromkeys(chain([bones], (bones[:at] + bones[at + 1 :] for at in range(len(bones))))))


# --- Keyboards -----------------------------------------------------------------------------------------------------
_LATIN_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,.~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>"
_RUSSIAN_KEYS = "ёйцукенгшщзхъфывапролджэячсмитьбюЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ"
_TO_RUSSIAN = str.maketrans(_LATIN_KEYS, _RUSSIAN_KEYS)
_TO_LATIN = str.maketrans(_RUSSIAN_KEYS, _LATIN_KEYS)


def other_layout(text: str) -> str:
    """What the same keys give on the other keyboard: «njkcnjq» -> «толстой», «руддщ» -> "hello"; "" for a mixture."""
    lower = text.casefold()
    has_cyrillic, has_latin = bool(_CYRILLIC.search(lower)), bool(re.search("[a-z]", lower))
    if has_cyrillic == has_latin:
        return ""
    return text.translate(_TO_LATIN if has_cyrillic else _TO_RUSSIAN).strip()


_CYRILLIC_SPELLINGS = [
    ("shch", "щ"), ("sch", "щ"), ("zh", "ж"), ("kh", "х"), ("ts", "ц"), ("ch", "ч"), ("sh", "ш"), ("yu", "ю"),
    ("ju", "ю"), ("ya", "я"), ("ja", "я"), ("yo", "е"), ("jo", "е"), ("ye", "е"),
]  # fmt: skip
_CYRILLIC_LETTERS = str.maketrans("abvgdezijklmnoprstufhcwx", "абвгдезийклмнопрстуфхкви")
_LATIN_LETTERS = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True)),
        **{"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"},
    }
)


def other_alphabet(text: str) -> str:
    """A folded text in the other alphabet as people write it without rules: "tolst" -> «толст», «толст» -> "tolst"."""
    if _CYRILLIC.search(text):
        return text.translate(_LATIN_LETTERS)
    for latin, cyrillic in _CYRILLIC_SPELLINGS:
        text = text.replace(latin, cyrillic)
    text = re.sub(r"(?<=[аоуеиэы])y|y(?=[аоуеиэы])|(?<=[aeou])y", "й", text)
    text = re.sub("y", "и", text)
    return text.translate(_CYRILLIC_LETTERS)
