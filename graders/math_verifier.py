"""math-verify, made quick: for the child process of graders/math.py, since it changes sympy for the whole process.

In: references and a completion. Out: whether one of them is equal, and what was read. Verdicts are those of
math_verify.parse and math_verify.verify 0.9 on the texts that graders/math_texts.py makes. What saves time and changes
none: parsed references are kept, plain numbers are not read by evaluating source text (which is what sympy does with
them), plain numbers far apart are told apart at once, patterns wait for the word they need, LaTeX is parsed in two
stages.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from graders.math_texts import as_maths

_KEPT = 4096
_WHOLE = re.compile(r"-?[0-9]{1,300}")
_DECIMAL = re.compile(r"-?[0-9]{0,300}\.[0-9]{1,300}")


class Verifier:
    """math-verify with its patterns and parsers set up once."""

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
