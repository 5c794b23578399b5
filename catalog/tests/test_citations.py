"""Citations against references written by hand from the standards' own rules."""

import pytest

from catalog.citations import Cited, Person, apa, bibtex, gost, name_of, ris

WAR = Cited(
    title="Война и мир",
    subtitle="роман в четырёх томах",
    people=[Person("Толстой, Лев Николаевич"), Person("Шмаринов, Дементий Алексеевич", "illustrator")],
    place="Москва",
    publisher="АСТ",
    year=2014,
    edition="2-е изд., испр.",
    pages="1300 с. : ил. ; 21 см",
    series="Русская классика",
    series_number="12",
    isbns=["9785170878895"],
    language="rus",
    url="https://library.example/books/1/",
)
DESIGN = Cited(
    title="Design patterns",
    subtitle="elements of reusable object-oriented software",
    people=[Person(name) for name in ("Gamma, Erich", "Helm, Richard", "Johnson, Ralph E.", "Vlissides, John")],
    place="Reading, Mass.",
    publisher="Addison-Wesley",
    year=1995,
    pages="395",
    language="eng",
)
PSYCHOLINGUISTICS = Cited(
    title="Психолингвистика: теория речевой деятельности",
    subtitle="учебное пособие",
    people=[Person("Ковшиков, В.А."), Person("Глухов, В.П.")],
    place="Москва",
    publisher="Астрель",
    year=2006,
    pages="319 с.",
)
COLLECTION = Cited(
    title="Содержание и технологии образования взрослых",
    subtitle="сборник научных трудов",
    people=[Person("Марон, Анатолий Евгеньевич", "editor"), Person("Институт образования взрослых", "body")],
    place="Москва",
    publisher="ИОВ",
    year=2007,
    pages="118 с.",
)
IDIOT = Cited(
    title="The idiot",
    people=[
        Person("Dostoyevsky, Fyodor"),
        Person("Pevear, Richard", "translator"),
        Person("Volokhonsky, Larissa", "translator"),
    ],
    place="London",
    publisher="Granta",
    year=2003,
    edition="2nd ed.",
    pages="xxxiii, 633 p.",
)
READER = Cited(
    title="Readings in libraries",
    people=[Person("Smith, Mary Ann", "editor"), Person("King, Paul, Jr.", "editor")],
    publisher="Shelf & Sons",
    year_note="n.d.",
)
ARTICLE = Cited(
    title="К логике социальных наук",
    people=[Person("Адорно, Теодор В.")],
    material="article",
    year=1992,
    host="Вопросы философии. — 1992. — Т. 7. — № 10. — С. 76-86",
)
TALES = Cited(title="Русские народные сказки", place="Санкт-Петербург", publisher="Азбука", year=1999, pages="255 с.")
QUESTION = Cited(title="Что делать?", people=[Person("Чернышевский, Н. Г.")], year_note="[1906?]", place="Женева")
BALLET = Cited(
    title="Щелкунчик",
    people=[Person("Чайковский, Пётр Ильич", "composer")],
    material="music",
    year=1951,
    pages="240 с.",
)
JOURNAL = Cited(title="Наука и жизнь", material="journal", place="Москва", publisher="Правда", year_note="1934–")


NAMES = [
    ("Толстой, Лев Николаевич", "Толстой Л. Н.", "Л. Н. Толстой"),
    ("Толстой, Л.Н., граф, 1828-1910", "Толстой Л. Н.", "Л. Н. Толстой"),
    ("Руссо, Жан-Жак", "Руссо Ж.-Ж.", "Ж.-Ж. Руссо"),
    ("Роулинг, Дж. К.", "Роулинг Дж. К.", "Дж. К. Роулинг"),
    ("Beethoven, Ludwig van", "Beethoven L. van", "L. van Beethoven"),
    ("Rowling, J. K. (Joanne Kathleen)", "Rowling J. K.", "J. K. Rowling"),
    ("King, Martin Luther, Jr.", "King M. L. Jr.", "M. L. King Jr."),
    ("Гомер", "Гомер", "Гомер"),
    ("Российская академия наук", "Российская академия наук", "Российская академия наук"),
]
"""Name of the index, surname first, initials first."""


def test_names():
    found = [(text, name_of(text).surname_first(" "), name_of(text).initials_first) for text, *_shown in NAMES]
    assert found == NAMES


@pytest.mark.parametrize(
    ("cited", "text"),
    [
        (
            WAR,
            "Толстой Л. Н. Война и мир : роман в четырёх томах. 2-е изд., испр. М. : АСТ, 2014. 1300 с. "
            "(Русская классика ; 12).",
        ),
        (
            DESIGN,
            "Design patterns : elements of reusable object-oriented software / E. Gamma [et al.]. "
            "Reading, Mass. : Addison-Wesley, 1995. 395 p.",
        ),
        (
            PSYCHOLINGUISTICS,
            "Ковшиков В. А., Глухов В. П. Психолингвистика: теория речевой деятельности : учебное пособие. "
            "М. : Астрель, 2006. 319 с.",
        ),
        (
            COLLECTION,
            "Содержание и технологии образования взрослых : сборник научных трудов / Институт образования взрослых ; "
            "ред. А. Е. Марон. М. : ИОВ, 2007. 118 с.",
        ),
        (
            IDIOT,
            "Dostoyevsky F. The idiot / transl. R. Pevear, L. Volokhonsky. 2nd ed. London : Granta, 2003. "
            "xxxiii, 633 p.",
        ),
        (ARTICLE, "Адорно Т. В. К логике социальных наук // Вопросы философии. 1992. Т. 7. № 10. С. 76–86."),
        (TALES, "Русские народные сказки. СПб. : Азбука, 1999. 255 с."),
        (QUESTION, "Чернышевский Н. Г. Что делать? Женева, [1906?]."),
        (BALLET, "Чайковский П. И. Щелкунчик [Ноты]. 1951. 240 с."),
        (JOURNAL, "Наука и жизнь. М. : Правда, 1934–."),
    ],
)
def test_gost(cited, text):
    assert gost(cited) == text


@pytest.mark.parametrize(
    ("cited", "text"),
    [
        (WAR, "Толстой, Л. Н. (2014). Война и мир: роман в четырёх томах (2-е изд., испр.). АСТ."),
        (
            DESIGN,
            "Gamma, E., Helm, R., Johnson, R. E., & Vlissides, J. (1995). "
            "Design patterns: elements of reusable object-oriented software. Addison-Wesley.",
        ),
        (
            IDIOT,
            "Dostoyevsky, F. (2003). The idiot (R. Pevear & L. Volokhonsky, Trans.; 2nd ed.). Granta.",
        ),
        (READER, "Smith, M. A., & King, P., Jr. (Eds.). (n.d.). Readings in libraries. Shelf & Sons."),
        (ARTICLE, "Адорно, Т. В. (1992). К логике социальных наук. Вопросы философии, 7(10), 76–86."),
        (TALES, "Русские народные сказки. (1999). Азбука."),
        (BALLET, "Чайковский, П. И. (1951). Щелкунчик [Sheet music]."),
    ],
)
def test_apa(cited, text):
    assert apa(cited) == text


def test_apa_of_more_than_twenty_authors():
    names = [Person(f"Author{letter}, A") for letter in "abcdefghijklmnopqrstuv"]
    text = apa(Cited(title="T", people=names, year=2000))
    assert text.startswith("Authora, A., Authorb, A.")
    assert ", Authors, A., . . . Authorv, A. (2000). T." in text


def test_ris():
    assert ris(WAR) == (
        "TY  - BOOK\r\n"
        "AU  - Толстой, Лев Николаевич\r\n"
        "TI  - Война и мир: роман в четырёх томах\r\n"
        "T2  - Русская классика\r\n"
        "PY  - 2014\r\n"
        "ET  - 2-е изд., испр.\r\n"
        "CY  - Москва\r\n"
        "PB  - АСТ\r\n"
        "VL  - 12\r\n"
        "SP  - 1300\r\n"
        "LA  - rus\r\n"
        "SN  - 9785170878895\r\n"
        "UR  - https://library.example/books/1/\r\n"
        "ER  - \r\n"
    )


def test_ris_of_an_article():
    assert ris(ARTICLE) == (
        "TY  - JOUR\r\n"
        "AU  - Адорно, Теодор В.\r\n"
        "TI  - К логике социальных наук\r\n"
        "T2  - Вопросы философии\r\n"
        "PY  - 1992\r\n"
        "VL  - 7\r\n"
        "IS  - 10\r\n"
        "SP  - 76\r\n"
        "EP  - 86\r\n"
        "ER  - \r\n"
    )


def test_bibtex():
    assert bibtex(IDIOT) == (
        "@book{dostoyevsky2003,\n"
        "  author = {Dostoyevsky, Fyodor},\n"
        "  translator = {Pevear, Richard and Volokhonsky, Larissa},\n"
        "  title = {The idiot},\n"
        "  year = {2003},\n"
        "  edition = {2nd ed.},\n"
        "  address = {London},\n"
        "  publisher = {Granta},\n"
        "}\n"
    )


def test_bibtex_of_an_article_of_bodies_and_of_signs():
    assert bibtex(ARTICLE) == (
        "@article{adorno1992,\n"
        "  author = {Адорно, Теодор В.},\n"
        "  title = {К логике социальных наук},\n"
        "  journal = {Вопросы философии},\n"
        "  year = {1992},\n"
        "  volume = {7},\n"
        "  number = {10},\n"
        "  pages = {76--86},\n"
        "}\n"
    )
    assert "author = {{Институт образования взрослых}}" in bibtex(COLLECTION)
    assert bibtex(READER).startswith("@book{smith,\n  editor = {Smith, Mary Ann and King, Jr., Paul},\n")
    assert r"publisher = {Shelf \& Sons}" in bibtex(READER)
    assert r"title = {100\% \{x\}\_}" in bibtex(Cited(title="100% {x}_"))


# --- Volumes and issues --------------------------------------------------------------------------------------------

FISH = Cited(
    title="Рыбы",
    volume="Т. 4",
    whole="Жизнь животных",
    people=[Person("Расс, Т. С.", "editor")],
    place="Москва",
    publisher="Просвещение",
    year=1983,
    edition="2-е изд.",
    pages="575 с.",
    series="Животный мир",
)
SOLOVYOV = Cited(
    title="Сочинения",
    volume="Т. 1",
    whole="Сочинения",
    people=[Person("Соловьев, В. С.")],
    place="Москва",
    publisher="Прогресс",
    year=1988,
)
ISSUE = Cited(
    title="Наука и жизнь",
    volume="2024, № 3",
    whole="Наука и жизнь",
    material="journal",
    place="Москва",
    publisher="Наука и жизнь",
    year=2024,
)


@pytest.mark.parametrize(
    ("cited", "in_gost", "in_apa"),
    [
        (
            FISH,
            "Жизнь животных / ред. Т. С. Расс. 2-е изд. М. : Просвещение, 1983. Т. 4 : Рыбы. 575 с. (Животный мир).",
            "Расс, Т. С. (Ed.). (1983). Жизнь животных: Т. 4. Рыбы (2-е изд.). Просвещение.",
        ),
        (
            SOLOVYOV,
            "Соловьев В. С. Сочинения. М. : Прогресс, 1988. Т. 1.",
            "Соловьев, В. С. (1988). Сочинения (Т. 1). Прогресс.",
        ),
        (
            ISSUE,
            "Наука и жизнь. М. : Наука и жизнь, 2024. № 3.",
            "Наука и жизнь (№ 3). (2024). Наука и жизнь.",
        ),
    ],
)
def test_volumes_and_issues_are_cited_with_their_whole(cited, in_gost, in_apa):
    assert (gost(cited), apa(cited)) == (in_gost, in_apa)


def test_volumes_and_issues_for_reference_managers():
    told = ris(FISH)
    for line in ("TI  - Рыбы", "T2  - Жизнь животных", "T3  - Животный мир", "VL  - 4"):
        assert f"{line}\r\n" in told
    assert "IS  - 3\r\n" in ris(ISSUE)
    assert "VL" not in ris(ISSUE)
    told = bibtex(FISH)
    for line in ("title = {Рыбы}", "series = {Жизнь животных}", "volume = {4}"):
        assert line in told
    assert "number = {3}" in bibtex(ISSUE)
