"""The calculations that a text writes out: 16 - 3 = 13, $5 × 3 = $15, (320+80)÷2=200(元), 25% of 80 = 20.

In: a text. Out: chains of sides that are said to be equal, each side with its exact value. Units, currencies, LaTeX and
GSM8K's <<16-3=13>> are passed over. A side that is rounded is right to its last written place: 10/3 = 3.33; so is a
remainder: 32÷5=6……2. Limits: no variables (2x + 3 = 7 is passed over), no functions; only the last 50,000 characters.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from graders.arithmetic import Side, Token, equal, side_of
from graders.numbers import SCALES, plain

_MAX_CHARS = 50_000
_MAX_TOKENS = 100  # in one chain
_MAX_WORDS = 4  # of a unit: "3 new red apples + 2"
_SCALES = {"%": Fraction(1, 100)} | {sign: Fraction(value) for sign, value in SCALES.items()}
_ANNOTATION = re.compile(r"<<[^<>\n]{0,200}>>")
_LATEX = (
    ("\\times", "×"),
    ("\\div", "÷"),
    ("\\cdot", "×"),
    ("\\approx", "≈"),
    ("\\%", "%"),
    ("\\$", "$"),
    ("\\left", ""),
)
_LATEX_WORDS = re.compile(r"\\(?:left|right)(?![a-z])|\\(?:text|mathrm|quad|,|;|!| )|[${}]|\\[()\[\]]|\*\*|__")
_MIXED = re.compile(r"(?<![0-9/.,])([0-9]{1,4}) ([0-9]{1,3})/([0-9]{1,3})(?![0-9/])")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]{1,60})\}\{([^{}]{1,60})\}")
_TOKEN = re.compile(
    r"""(?P<number>(?:(?<![0-9A-Za-z_.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|(?<![A-Za-z_])[0-9]{1,30})(?:\.[0-9]{1,30})?|(?<![0-9A-Za-z_.])\.[0-9]{1,30})
        \s?(?P<scale>%|percent\b|折|[百千]?(?:万亿|[万亿]))?
      |(?P<remainder>…+|\.{3,6}|余)(?=\s?[0-9])
      |(?P<times>[xX](?=\s{0,3}[($€£¥]?\.?[0-9])(?<=[0-9)%\s].)|(?:\bof\b|的)(?=\s{0,3}[$€£¥]?\.?[0-9]))
      |(?P<unit>-(?=[A-Za-z]{2})|/\s?(?:[A-Za-z]{2,}|[mghlL]\b|[\u4e00-\u9fff]+))
      |(?P<operator>[-+*/×÷^()=≈²³])
      |(?P<word>[^\W\d_的]+(?:['’-][^\W\d_的]+)*)
      |(?P<space>[\s€£¥$]+)
      |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_SAME = {"×": "*", "÷": "/", "≈": "="}


def chains(text: str) -> Iterator[list[Side]]:
    """Each run of sides joined by equals signs, at least one of which is a calculation, in order."""
    text = _readable(text[-_MAX_CHARS:])
    if "=" not in text and "≈" not in text:
        return
    for tokens in _segments(text):
        sides = [side_of(part) for part in _split(tokens)]
        run: list[Side] = []
        for side in [*sides, None]:
            if side is not None:
                run.append(side)
                continue
            if len(run) > 1 and any(one.num_operators for one in run):
                yield run
            run = []


def false_signs(written: Iterable[Sequence[Side]]) -> Iterator[str]:
    """Of these chains, each "left=right" that does not hold, at most 100 characters of it."""
    for sides in written:
        for left, right in pairwise(sides):
            if (left.num_operators or right.num_operators) and not equal(left, right):
                yield f"{left.text}={right.text}"[:100]


def _readable(text: str) -> str:
    text = _ANNOTATION.sub("", text)
    if "\\" in text or "$" in text or "**" in text:
        for _ in range(3):  # fractions in fractions
            text = _FRACTION.sub(r"((\1)/(\2))", text)
        for latex, char in _LATEX:
            text = text.replace(latex, char)
        text = _LATEX_WORDS.sub(" ", text)
    return _MIXED.sub(r"(\1+\2/\3)", plain(text))


def _segments(text: str) -> Iterator[list[Token]]:
    """Runs of numbers and operators, without units. Sentence ends, variables and two numbers in a row end a run."""
    reader = _Runs()
    for match in _TOKEN.finditer(text):
        if ended := reader.read(match):
            yield ended
    yield reader.run


class _Runs:
    """The run that is being read.

    words: passed over since its last token. unknown: just after a variable. lost: inside of something that is not
    understood, up to the next equals sign or sentence end.
    """

    def __init__(self) -> None:
        self.run: list[Token] = []
        self.words = 0
        self.unknown = self.lost = False

    def read(self, match: re.Match[str]) -> list[Token]:
        """Takes a token; returns the run that it ended, or nothing."""
        kind = match.lastgroup
        if kind == "unit" or (kind == "space" and "\n" not in match.group()):
            return []
        if match["times"] and not self._multiplies(match["times"]):
            kind = "word"
        variable = kind == "word" and _is_variable(match)
        if kind == "word" and not variable and self.run and self.words < _MAX_WORDS:
            self.words += 1
            return []
        token = None if kind == "word" else _token(match)
        self.lost = token is not None and token.text != "=" and (self.lost or self._loses(token, match))
        self.unknown = variable
        if self.lost or (variable and not self.words and self.run and self.run[-1].value is not None):  # 3x
            self.run = []
            return []
        return self._taken(token)

    def _multiplies(self, times: str) -> bool:
        """x does; "of" and 的 do after a number (25% of 80, 320元的75%), and not in "a total of 20"."""
        follows = bool(self.run) and self.run[-1].value is not None
        return times in "xX" or (follows and (times == "的" or not self.words))

    def _loses(self, token: Token, match: re.Match[str]) -> bool:
        """Whether sense is lost here: x + 3; a sum that begins with "+ 3"; two numbers in a row, as in 350 000."""
        if token.value is None:
            continues = token.text in "+-*/" and match.string[match.end() :][:1] == " "
            return self.unknown or (continues and not self.run)
        thousands = len(token.text) == 3 and not self.words
        return thousands and bool(self.run) and self.run[-1].value is not None

    def _taken(self, token: Token | None) -> list[Token]:
        ended: list[Token] = []
        if token is None:
            ended, self.run = self.run, []
        elif token.text == "=" and self.words and len(self.run) == 1:  # "is 6. Twin = 6 + 7"
            self.run = [token]
        elif token.value is not None and self.run and (self.run[-1].value is not None or self.run[-1].text == ")"):
            ended, self.run = self.run, [token]
        else:
            self.run.append(token)
        self.words = 0
        return ended


def _is_variable(match: re.Match[str]) -> bool:
    """The x of 2x + 3, and neither the m of 5 m nor the article of "9 eggs a day"."""
    letter = match.group()
    if len(letter) > 1 or not letter.isascii() or letter in "mghlL":
        return False
    return letter not in "aAI" or match.string[match.start() - 1 : match.start()].isdigit()


def _token(match: re.Match[str]) -> Token | None:
    if match["number"]:
        digits = match["number"].replace(",", "")
        digits = f"0{digits}" if digits.startswith(".") else digits
        scale = match["scale"] or ""
        factor = _factor(scale, Fraction(digits))
        step = factor / 10 ** len(digits.partition(".")[2])
        percent = scale in ("%", "percent")
        return Token(digits + ("%" if percent else scale), Fraction(digits) * factor, step, percent)
    if match["remainder"]:
        return Token("…")
    if match["times"]:
        return Token("*")
    if match["operator"]:
        return Token(_SAME.get(match["operator"], match["operator"]))
    return None


def _factor(scale: str, number: Fraction) -> Fraction:
    if scale == "折":
        return Fraction(1, 100 if number > 10 else 10)
    factor = Fraction(1)
    for char in "%" if scale == "percent" else scale:
        factor *= _SCALES[char]
    return factor


def _split(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    if len(tokens) > _MAX_TOKENS or not any(token.text == "=" for token in tokens):
        return
    part: list[Token] = []
    for token in tokens:
        if token.text == "=":
            yield part
            part = []
        else:
            part.append(token)
    yield part
