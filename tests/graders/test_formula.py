"""Formulas of multi graders: precedence, functions, and what has no value."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.formula import FormulaError, parse_formula


def value(text: str, **values: float) -> float:
    return parse_formula(text).value(values)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("8 - 3 - 2", 3),
        ("8 / 4 / 2", 1),
        ("2 ^ 3 ^ 2", 512),
        ("2**3**2", 512),
        ("-2 ^ 2", -4),
        ("(-2) ^ 2", 4),
        ("2 ^ -1", 0.5),
        ("2 * -3", -6),
        ("1 - -+-1", 0),
        ("-2 * 3 ^ 2", -18),
        (".5 + 5. + 1e-1 + 2E2", 205.6),
        ("min(3, 1, 2) + max(1) + abs(-4)", 6),
        ("floor(-1.5) + ceil(1.2)", 0),
        ("exp(0) + sqrt(9) + log(1)", 4),
        ("log(exp(2))", 2),
        ("min(1, max(0, (3 - 1) / 4))", 0.5),
        ("\n 1\t+ 1 ", 2),
    ],
)
def test_a_formula_has_the_value_of_mathematics(text: str, result: float) -> None:
    assert value(text) == pytest.approx(result, abs=1e-12)


def test_names_are_the_graders_and_functions_may_share_them() -> None:
    formula = parse_formula("0.5 * a_1 + Ünit * a_1 + min")
    assert formula.names == ("a_1", "Ünit", "min")
    assert formula.value({"a_1": 1, "Ünit": 2, "min": 4}) == 6.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the formula ends where a number, a name or ( is expected"),
        ("a +", "the formula ends"),
        ("0.5 * a + 0.5 * b)", "')' stands at character 18 where an operator"),
        ("(a", "the formula ends where ) is expected"),
        ("a b", "'b' stands at character 3"),
        ("2a", "'a' stands at character 2"),
        ("a if b else c", "'if b else c' stands at character 3"),
        ("a > 0.5", "'> 0.5' stands at character 3"),
        ("a % 2", "% 2"),
        ("a.__class__", ".__class__"),
        ("'a'", "stands at character 1"),
        ("round(a)", "there is no function 'round'; there are min, max, abs"),
        ("sqrt(a, b)", "sqrt takes one value, not 2"),
        ("min()", "')' stands at character 5"),
        ("1e999", "too large"),
        ("(" * 1000 + "1" + ")" * 1000, "nested deeper"),
        ("-" * 1000 + "1", "nested deeper"),
        ("1 +" * 5000 + "1", "longer than 10,000 characters"),
    ],
)
def test_what_is_no_formula_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(FormulaError) as error:
        parse_formula(text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / a", "division by zero"),
        ("a ^ -1", "division by zero"),
        ("9 ^ 9 ^ 9 ^ 9", "a value is too large"),
        ("exp(1000)", "a value is too large"),
        ("1e308 * 10", "a value is too large"),
        ("min(1, 1e308 * 10)", "a value is too large"),
        ("log(a)", "there is no log of 0"),
        ("sqrt(a - 1)", "there is no sqrt of -1"),
        ("(-8) ^ (1/3)", "-8 to the power of 0.333333 is no real number"),
    ],
)
def test_what_has_no_value_says_why(text: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said.replace("^", r"\^")):
        value(text, a=0)


def test_long_formulas_are_worked_off_without_recursion() -> None:
    started = time.process_time()
    assert value("1+" * 4999 + "1") == 5000
    assert value("1*" * 4999 + "1") == 1
    assert time.process_time() - started < 1


@given(st.text(alphabet="ab01. +-*/^()eminmax,", max_size=40))
def test_any_text_gives_a_finite_number_or_a_formula_error(text: str) -> None:
    try:
        result = parse_formula(text).value({name: 0.5 for name in parse_formula(text).names})
    except FormulaError:
        return
    assert math.isfinite(result)


_NUMBER = st.integers(0, 9).map(str)
_FORMULA = st.recursive(
    _NUMBER,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "**"]), inner).map("".join),
        inner.map("({})".format),
        inner.map("-{}".format),
    ),
    max_leaves=6,
)


@given(_FORMULA)
def test_values_agree_with_pythons_own_arithmetic(text: str) -> None:
    floats = "".join(f"{char}.0" if char.isdigit() else char for char in text)
    try:
        expected = eval(floats)  # digits and operators that the strategy made
    except ArithmeticError:
        with pytest.raises(FormulaError):
            value(text)
        return
    if isinstance(expected, complex) or not math.isfinite(expected):
        with pytest.raises(FormulaError):
            value(text)
    else:
        assert value(text) == expected
