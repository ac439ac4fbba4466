"""Which language a text is in: by its script, and among Latin ones by their commonest words. Pure.

Limits: thirteen languages of Latin script; of short or mixed texts nothing is said ("unknown"); related languages that
are not listed (Danish, Catalan) may be taken for one that is.
"""

import re
import unicodedata
from collections import Counter

_CHARS = 240
_FEWEST_LETTERS = 8
_SHORT = 8
_FUNCTION_WORDS = 0.1
"""Ours: running text has three times as many of its language's commonest words; a receipt or a list has none."""
_SCRIPTS = {
    "HANGUL": "ko", "ARABIC": "ar", "HEBREW": "he", "CYRILLIC": "ru", "GREEK": "el", "THAI": "th", "DEVANAGARI": "hi",
    "BENGALI": "bn", "TAMIL": "ta", "GEORGIAN": "ka", "ARMENIAN": "hy",
}  # fmt: skip
_WORDS = {
    "en": "the of and to in is that for it with as was on are this be how what many if you i my a an not can do",
    "de": "der die und das ist nicht ein eine zu mit den von auf für wie sich auch es dem wird ich sie im",
    "fr": "le la les de des et est une un du que qui dans pour pas au sur il elle avec ce je vous combien",
    "es": "el la los las de que y en un una es por para con no se su del al como cuántos lo más",
    "pt": "o os as de que e em um uma é do da não para com no na se por mais como são",
    "it": "il lo gli di che e è un una per non con del della sono nel come si più le quanti",
    "nl": "de het een en van is dat niet op te met voor zijn die aan er hoe wordt ik",
    "pl": "i w nie na się jest że do z to jak po co dla ile od przez",
    "sv": "och att det en som är på av för med den till inte har om hur ett jag",
    "tr": "ve bir bu için ile de da ne çok daha kaç olarak mi gibi olan",
    "id": "yang dan di dengan untuk dari ini itu tidak adalah pada ke berapa dalam",
    "vi": "và của là có không được cho một trong với các những bao nhiêu người",
    "cs": "a je se na že v to s do jak kolik ale pro by jsou nebo",
}  # fmt: skip
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _code, _words in _WORDS.items():
    for _word in _words.split():
        if len(_word) > 1:
            _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _code)


def language(text: str) -> str:
    """ISO 639-1 code, or "unknown"."""
    text = text[:_CHARS]
    if text.isascii():
        return _latin(text)
    scripts = Counter(_script(char) for char in text if char.isalpha())
    if scripts.total() == 0:
        return "unknown"
    if scripts["KANA"] >= 0.05 * scripts.total():
        return "ja"
    if scripts["CJK"] >= 0.2 * scripts.total():
        return "zh"
    script, count = scripts.most_common(1)[0]
    return _SCRIPTS.get(script, _latin(text)) if count >= _FEWEST_LETTERS / 2 else "unknown"


def _script(char: str) -> str:
    name = unicodedata.name(char, "").split(" ", 1)[0]
    return "KANA" if name in ("HIRAGANA", "KATAKANA") else name


def _latin(text: str) -> str:
    words = re.findall(r"[^\W\d_]+", text.casefold())
    if sum(map(len, words)) < _FEWEST_LETTERS:
        return "unknown"
    hits = Counter(code for word in words for code in _LANGUAGES_OF.get(word, ()))
    if not hits:
        return "unknown"
    best, count = hits.most_common(1)[0]
    return best if count >= max(1 if len(words) <= _SHORT else 2, _FUNCTION_WORDS * len(words)) else "unknown"
