"""Chinese numerals in a text become digits: 三百二十 → 320, 两万五 → 25000, 三点五 → 3.5, 四分之三 → 3/4.

In: a text. Out: the same text with 320, 3/4, 1 3/4 or 20% in the place of such numerals; formal ones (叁佰) too. Digits
with a Chinese unit stay ("3.5万", "75折": graders/numbers.py reads them), but those of several parts become one number:
3万5千 → 35000.
A single character is no number here, as most are words (一共, 十分, 两); `with_single_characters` reads those before a
measure word or an end. Nor are rough numbers such as 七八 or 三五.
"""

import re
from fractions import Fraction

_SAME = ("零〇○", "一壹", "二贰两", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
_DIGITS = {char: value for value, chars in enumerate(_SAME) for char in chars}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_BIG = {"万": 10**4, "亿": 10**8}
_PLACES = _UNITS | _BIG
_D = "".join(_DIGITS)
_HAN = _D + "".join(_PLACES)
_MAX_CHARS = 40

_RUN = rf"[{_HAN}]++(?:点[{_D}]++)?+"
_PART = rf"(?:{_RUN}|[0-9]++)"
NOT_A_UNIT = "克米瓦卡焦帕赫伏安升字分"  # 千 before them makes a kilogram, a kilometre; 百分 begins a percentage
_NUMERAL = re.compile(
    rf"""(?<![{_HAN}0-9.])(?:
      (?:(?P<whole>{_PART})又)?(?P<below>{_PART})分之(?P<above>{_PART}(?:\.[0-9]++)?+)
      |(?P<run>{_RUN})(?![0-9])
      |(?P<mixed>(?:[0-9]++(?:\.[0-9]++)?+(?:[万亿]|[百千](?![{NOT_A_UNIT}]))){{1,8}}+)(?P<rest>[0-9]*+)
    )""",
    re.VERBOSE,
)
_MEASURES = (
    "个只条本元块角分米天次人岁年月日小时倍张件辆头棵朵支枝双对套组盒包箱瓶杯碗盘层间座位名页颗粒根片斤克千公厘毫升吨秒"
)
_SINGLE = re.compile(rf"(?<![{_HAN}第周期])([{_D}]|十(?!分))(?=[{_MEASURES}]|[^\w]|$)")
_DISCOUNT = re.compile(rf"(?<![{_HAN}])([{_D}]{{1,2}}|[对半])折")
_ANY = re.compile(rf"[{_HAN}]|分之")


def with_digits(text: str) -> str:
    """The text with numerals of two characters or more, fractions and numbers of several parts in digits."""
    return _NUMERAL.sub(_in_digits, text) if _ANY.search(text) else text


def with_single_characters(text: str) -> str:
    """The text with single numerals that stand before a measure word or an end in digits: 三个 → 3个."""
    return _SINGLE.sub(lambda match: str(_DIGITS.get(match[1], 10)), text)


def with_discounts(text: str) -> str:
    """The text with price cuts in digits: 八五折 → 85折, 对折 → 5折."""
    return _DISCOUNT.sub(lambda match: f"{5 if match[1] in '对半' else _positional(match[1])}折", text)


def _in_digits(match: re.Match[str]) -> str:
    if match["below"]:
        return _fraction(match) or match.group()
    if match["mixed"]:
        value = _mixed(match["mixed"], match["rest"])
        return match.group() if value is None else f"{value}"
    whole, _, decimals = match["run"].partition("点")
    if len(whole) == 1 and not decimals:
        return whole
    value = _integer(whole) if len(whole) > 1 else _DIGITS.get(whole, 10 if whole in "十拾" else None)
    if value is None or len(decimals) > _MAX_CHARS:
        return match.group()
    return f"{value}.{_positional(decimals)}" if decimals else f"{value}"


def _fraction(match: re.Match[str]) -> str | None:
    above = match["above"]
    if match["below"] in ("百", "佰") and not match["whole"]:
        number = above if above[0].isascii() else _in_digits_alone(above)
        return None if number is None else f"{number}%"
    parts = [_whole(part) for part in (match["below"], above)]
    if None in parts:
        return None
    whole = _whole(match["whole"]) if match["whole"] else ""
    return None if whole is None else f"{whole} {parts[1]}/{parts[0]}".strip()


def _in_digits_alone(run: str) -> str | None:
    whole, _, decimals = run.partition("点")
    value = _whole(whole)
    return None if value is None else f"{value}.{_positional(decimals)}" if decimals else f"{value}"


def _whole(part: str) -> int | None:
    """A part of a fraction, where a single character counts: 百 is 100."""
    if len(part) > _MAX_CHARS or "点" in part or "." in part:
        return None
    if part.isascii():
        return int(part)
    return (_DIGITS | _PLACES)[part] if len(part) == 1 else _integer(part)


def _positional(digits: str) -> str:
    return "".join(str(_DIGITS[char]) for char in digits)


def _integer(run: str) -> int | None:
    """The value of a numeral; None where it is none (三三两两, 万一) or only a rough one (七八)."""
    if len(run) > _MAX_CHARS:
        return None
    if all(char in _DIGITS for char in run):
        return int(_positional(run)) if len(run) > 2 and "两" not in run else None
    total = 0
    for unit in ("亿", "万"):
        if unit in run:
            head, run = run.rsplit(unit, 1) if unit == "亿" else run.split(unit, 1)
            value = _integer(head) if "万" in head or "亿" in head else _section(head, 10)
            if not value:
                return None
            total += value * _BIG[unit]
            if len(run) == 1 and run in _DIGITS:  # 两万五 is 25000
                return total + _DIGITS[run] * _BIG[unit] // 10
    rest = _section(run, 10) if run else 0
    return None if rest is None else total + rest


def _section(run: str, least: int) -> int | None:
    """Up to 9999: digits before falling units; 三百二 is 320."""
    total, digit, limit, after_zero = 0, None, 10**4, False
    for place, char in enumerate(run):
        if char in _UNITS:
            unit = _UNITS[char]
            if unit >= limit or (digit is None and (place or unit != least)):
                return None
            total += (1 if digit is None else digit) * unit
            digit, limit, after_zero = None, unit, False
        elif _DIGITS.get(char) == 0:
            if digit is not None:
                return None
            after_zero = True
        elif digit is not None or char not in _DIGITS:
            return None
        else:
            digit = _DIGITS[char]
    if digit is None:
        return total
    return total + digit * (1 if after_zero or limit == 10**4 else limit // 10)


def _mixed(parts: str, rest: str) -> int | None:
    """3万5千 and 1亿2000万300: the units fall; None where they do not, the whole is no integer, or it is one part."""
    total, limit = Fraction(0), 10**12
    found = re.findall(r"([0-9.]+)([百千万亿])", parts)
    if len(found) == 1 and len(rest) < 3:
        return None
    for number, unit in found:
        if _PLACES[unit] >= limit or len(number) > _MAX_CHARS:
            return None
        limit = _PLACES[unit]
        total += Fraction(number) * limit
    if len(rest) > _MAX_CHARS or (rest and int(rest) >= limit):
        return None
    total += int(rest or 0)
    return int(total) if total.denominator == 1 else None
