"""What graders/math_verifier.py hands to math-verify: LaTeX and signs that people write, in a form that it reads."""

import re

_HAS_MARKUP = re.compile(r"\$|\\boxed|\\\(|\\\[")
_COMMAND = re.compile(r"\\(?:begin|end|text|mathrm|operatorname)\s?\{[^{}]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8)}
_LATEX = {"−": "-", "π": r"\pi ", "∞": r"\infty ", "×": r"\times ", "·": r"\cdot ", "÷": r"\div ", "≤": r"\le "}
_LATEX |= {"≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ", "∈": r"\in "}
_LATEX |= {sign: rf"\frac{{{above}}}{{{below}}}" for sign, (above, below) in _VULGAR.items()}
_SYMBOL = re.compile("[" + "".join(_LATEX) + "]")
_ROOT = re.compile(r"√\s?(?:\(([^()]{1,60})\)|([0-9]{1,60}|[a-z]))")
_PLAIN_ROOT = re.compile(r"(?<![A-Za-z\\])sqrt\(([^()]{1,60})\)")
_BOLD = re.compile(r"(?<![\w)}*])\*\*([^*\s](?:[^*\n]{0,200}[^*\s])?)\*\*(?![\w(*])")
_PI = re.compile(r"(?<![A-Za-z\\])pi(?![A-Za-z])")
_SIGN_OF_MATHS = re.compile(r"[\\^_{}=<>]|[A-Za-z]|[\[(].*,")


def as_maths(text: str) -> str:
    """A text that is one expression and nothing else, without any markup, put between dollars; others as they are.

    math-verify would read the 2 in a bare x^2 + 1, and nothing in a bare \\\\sqrt{2}. Signs that LaTeX has a command
    for (π, √2, ½, −) become that command, which math-verify reads; sqrt(2), pi and ** do where they stand alone.
    """
    if "**" in text:
        text = _BOLD.sub(r"\1", text)
    if not text.isascii():
        text = _ROOT.sub(lambda match: rf"\sqrt{{{match[1] or match[2]}}}", text)
        text = _SYMBOL.sub(lambda match: _LATEX[match.group()], text)
    bare = text.strip().strip("$").strip() if text.count("$") == 1 else text.strip()
    if len(bare) > 500 or "\n" in bare or _HAS_MARKUP.search(bare) or not _SIGN_OF_MATHS.search(bare):
        return text
    latex = _PLAIN_ROOT.sub(r"\\sqrt{\1}", bare.replace("**", "^"))
    latex = _PI.sub(r"\\pi", latex)
    return text if _WORD.search(_COMMAND.sub(" ", latex)) else f"${latex}$"
