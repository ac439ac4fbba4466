"""The unit that stands at a number: 5 km, $5, 5元, 3.5万千米. Two units agree when they are the same or synonyms.

Limits: nothing is converted (3 m is not 300 cm); of several words only the first counts ("5 square metres": square).
"""

import re
from functools import lru_cache

from graders.numbers import Number

_SYNONYMS = (
    ("$", "us$", "usd", "dollar", "美元"),
    ("€", "eur", "euro", "欧元"),
    ("£", "gbp", "pound", "英镑"),
    ("¥", "元", "yuan", "rmb", "cny", "人民币"),
    ("₹", "rs", "rs.", "rupee", "inr"),
    ("rm", "ringgit", "myr"),
    ("km", "kilometer", "kilometre", "千米", "公里"),
    ("m", "meter", "metre", "米"),
    ("cm", "centimeter", "centimetre", "厘米"),
    ("mm", "millimeter", "millimetre", "毫米"),
    ("kg", "kilogram", "千克", "公斤"),
    ("g", "gram", "克"),
    ("t", "ton", "tonne", "吨"),
    ("l", "liter", "litre", "升"),
    ("ml", "milliliter", "millilitre", "毫升"),
    ("h", "hr", "hour", "小时"),
    ("min", "minute", "分钟"),
    ("s", "sec", "second", "秒"),
    ("day", "天"),
    ("year", "年"),
    ("km/h", "kph", "千米/时", "公里/小时"),
)
_NAMES = {name: names[0] for names in _SYNONYMS for name in names}
_PROSE = re.compile("an?|and|are|as|at|because|but|by|each|for|from|in|into|is|of|on|or|per|since|so|the|to")
_SIGN = re.compile(r"US\$|RM|USD|EUR|GBP|Rs\.?|[$€£¥₹]")
_WORD = re.compile(
    r"\s?(\\text\{\s*)?"
    r"(?P<unit>[A-Za-zµ°ΩÅ℃]+[²³]?(?:\^[23])?(?:/[A-Za-z]+)?|[\u4e00-\u9fff]+(?:/[\u4e00-\u9fff]+)?)"
)


def unit_of(number: Number) -> str | None:
    """The unit's one name for all synonyms ("$" for dollars); "%" for a percentage; None where there is none."""
    if number.percent:
        return "%"
    if sign := _SIGN.search(number.text):
        return _named(sign.group())
    word = _WORD.match(number.after)
    return _named(word["unit"]) if word else None


def units_agree(found: str | None, wanted: str | None) -> bool:
    """Whether an answer's unit will do. A Chinese one may go on: 个苹果 is 个."""
    if wanted is None or found == wanted:
        return True
    return found is not None and not wanted.isascii() and found.startswith(wanted)


@lru_cache(maxsize=1024)
def _named(unit: str) -> str | None:
    """Upper and lower case differ in units of one or two letters only (mW, MW); the plural does not count."""
    folded = unit.casefold()
    if _PROSE.fullmatch(folded):
        return None
    singular = folded[:-1] if len(folded) > 3 and folded.endswith("s") else folded
    if singular in _NAMES and (len(unit) > 2 or unit in _NAMES or not unit.isalpha()):
        return _NAMES[singular]
    for name, first in _NAMES.items():
        if not name.isascii() and unit.startswith(name):
            return first if first != name else unit
    return singular if len(unit) > 2 else unit
