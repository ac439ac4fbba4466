"""The child process of graders/math.py: math-verify under a limit of CPU seconds. It runs by its path, alone.

In, a line of JSON each: {"references": [...], "completion": "...", "seconds": 2.0}. Out, a line each:
{"right": true, false or null, "found": "...", "why": "..."}. It ends with its input or its parent, and takes at most
4 GiB of address space.

Verdicts are those of math_verify.parse and math_verify.verify 0.9. What saves time and changes none: parsed references
are kept, plain numbers are not read by evaluating source text (which is what sympy does with them), plain numbers far
apart are told apart at once, patterns wait for the word they need, LaTeX is parsed in two stages.
"""

import json
import os
import re
import resource
import select
import signal
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_MAX_ADDRESS_SPACE = 4 * 1024**3
_KEPT = 4096
_WHOLE = re.compile(r"-?[0-9]{1,300}")
_DECIMAL = re.compile(r"-?[0-9]{0,300}\.[0-9]{1,300}")
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


class _TimeUp(BaseException):
    """Not an Exception, so that no handler of sympy's takes it."""


def main(parent: int) -> None:
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no reply
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESS_SPACE, _MAX_ADDRESS_SPACE))
    signal.signal(signal.SIGPROF, _time_up)
    verify = _Verifier()
    replies.write(b'{"ready": true}\n')
    for line in _lines(parent):
        replies.write(json.dumps(_limited(verify.verdict, json.loads(line))).encode() + b"\n")


def _lines(parent: int) -> Iterator[bytes]:
    """Lines of standard input to its end, or to the parent's where another process holds the pipe open."""
    unread = b""
    while True:
        while b"\n" not in unread:
            if not select.select([0], [], [], 1.0)[0]:
                if os.getppid() != parent:
                    return
                continue
            data = os.read(0, 1 << 16)
            if not data:
                return
            unread += data
        line, _, unread = unread.partition(b"\n")
        yield line


def _time_up(*_: object) -> None:
    raise _TimeUp


def _limited(verdict: Any, request: dict[str, Any]) -> dict[str, Any]:
    seconds = request["seconds"]
    # The handler runs between two steps of the interpreter. Code in C that never returns is ended by the second timer.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds + 2)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        reply: dict[str, Any] = verdict(tuple(request["references"]), request["completion"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        return reply
    except _TimeUp:
        return {"right": None, "found": None, "why": f"not decided in {seconds:g} s of computing time"}
    except (Exception, MemoryError, RecursionError) as error:  # noqa: BLE001 - sympy raises anything
        return {"right": None, "found": None, "why": f"math-verify failed: {type(error).__name__}: {str(error)[:200]}"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class _Verifier:
    """math-verify, made quick."""

    def __init__(self) -> None:
        import logging

        from math_verify import parser, verify

        logging.disable(logging.CRITICAL)
        _read_numbers_plainly()
        _keep_sympys_names()
        parser.latex2sympy = _in_two_stages(parser.latex2sympy)
        parser.parse_latex_cached = lru_cache(_KEPT)(parser.parse_latex_cached.__wrapped__)
        kinds = (parser.LatexExtractionConfig(), parser.ExprExtractionConfig())
        self.targets = [
            ([(_Gated(pattern), priority) for pattern, priority in patterns], target)
            for patterns, target in parser.get_extraction_regexes(kinds)
        ]
        self.extract, self.verify = parser.extract_target_from_pred, verify
        self.reference = lru_cache(_KEPT)(self.parsed)

    def verdict(self, references: tuple[str, ...], completion: str) -> dict[str, Any]:
        golds = [gold for text in references if (gold := self.reference(text))]
        if not golds:
            return {"right": None, "found": None, "why": "the reference holds no expression"}
        answer = self.parsed(completion)
        found = next((part for part in reversed(answer) if isinstance(part, str)), None)
        return {"right": any(self.equal(gold, answer) for gold in golds), "found": found, "why": ""}

    def parsed(self, text: str) -> list[Any]:
        """The readings of a text's answer: an expression where there is one, and its text."""
        return list(self.extract(as_maths(text), self.targets, fallback_mode="first_match"))

    def equal(self, gold: list[Any], answer: list[Any]) -> bool:
        if all(_is_plain(part) for part in (*gold, *answer)):
            if not set(gold).isdisjoint(answer):
                return True
            if all(_far_apart(one, other) for one in gold for other in answer):
                return False
        try:
            return bool(self.verify(gold, answer, timeout_seconds=None, raise_on_error=True))
        except Exception:
            if self.verify(gold, answer, timeout_seconds=None):  # another pair of readings is equal
                return True
            raise


def _read_numbers_plainly() -> None:
    """sympy reads the text of a number by evaluating it as source."""
    import sympy
    from math_verify import parser

    from_source = parser.Number

    def number(text: str) -> Any:
        if _WHOLE.fullmatch(text):
            return sympy.Integer(int(text))
        return sympy.Float(text) if _DECIMAL.fullmatch(text) else from_source(text)

    parser.Number = number


def _keep_sympys_names() -> None:
    """sympy imports all its names anew for each text that it parses ("12.5"); here it does so once."""
    import builtins
    import types

    import sympy
    from math_verify import parser
    from sympy.parsing import sympy_parser

    names: dict[str, Any] = {}
    exec("from sympy import *", names)
    names |= {name: value for name, value in vars(builtins).items() if isinstance(value, types.BuiltinFunctionType)}
    names |= {"max": sympy.Max, "min": sympy.Min}
    plainly = sympy_parser.parse_expr

    def parse_expr(
        text: Any,
        local_dict: Any = None,
        transformations: Any = sympy_parser.standard_transformations,
        global_dict: Any = None,
        evaluate: bool = True,
    ) -> Any:
        return plainly(text, local_dict, transformations, global_dict or dict(names), evaluate)

    sympy_parser.parse_expr = parser.parse_expr = parse_expr


def _in_two_stages(read: Any) -> Any:
    """LaTeX → sympy with ANTLR's quick prediction first, and its full one only where that finds a syntax error.

    ANTLR documents that the quick one (SLL) gives the same tree or a syntax error (PredictionMode, ANTLR 4 runtime).
    """
    from antlr4.atn.PredictionMode import PredictionMode
    from latex2sympy2_extended import latex2sympy2

    mode = PredictionMode.LL
    plain_parser = latex2sympy2._Latex2Sympy.create_parser

    def create_parser(converter: Any, text: str) -> Any:
        made = plain_parser(converter, text)
        made._interp.predictionMode = mode
        return made

    latex2sympy2._Latex2Sympy.create_parser = create_parser

    def latex2sympy(*args: Any, **options: Any) -> Any:
        nonlocal mode
        for mode in (PredictionMode.SLL, PredictionMode.LL):
            try:
                return read(*args, **options)
            except Exception:
                if mode == PredictionMode.LL:
                    raise
        return None

    return latex2sympy


class _Gated:
    """One of math-verify's patterns, tried only on texts that hold a word it cannot match without."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.word = "\\boxed" if r"\\boxed{" in pattern.pattern else ""
        self.any_case = "answer" if pattern.pattern.startswith(("(?i:answer)", "(?i:final answer")) else ""

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        if self.word not in text or (self.any_case and self.any_case not in text.casefold()):
            return iter(())
        return self.pattern.finditer(text)


def _is_plain(part: Any) -> bool:
    return isinstance(part, str) or getattr(part, "is_Integer", False) or getattr(part, "is_Float", False)


def _far_apart(one: Any, other: Any) -> bool:
    """Numbers whose difference is beyond any rounding of math-verify (6 decimals); a text is not a number."""
    if isinstance(one, str) or isinstance(other, str):
        return True
    if one.is_Integer and other.is_Integer:
        return bool(one != other)
    try:
        return abs(float(one) - float(other)) > 1e-5 + 1e-9 * abs(float(one))
    except OverflowError:
        return False


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


if __name__ == "__main__":
    main(int(sys.argv[1]))
