"""What a scanner types, and what it meant."""

_KEYS = str.maketrans(
    "йцукенгшщзхъфывапролджэячсмитьбюЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,.QWERTYUIOP[]ASDFGHJKL;'ZXCVBNM,.",
)
"""What a scanner types while the keyboard is Russian, to what the label says."""


def readings(code: str) -> list[str]:
    """What a scanner may have meant: as it came, and as if the keyboard had been in English."""
    code = code.strip()
    return [code, code.translate(_KEYS)]
