"""Potentials, numbers and spaces given as text: what they mean, and that nothing but arithmetic gets in."""

import time

import numpy as np
import pytest

import wconv as wc
from wconv._require import InputError
from wconv.constants.formula import DEPTH, FUNCTIONS, log_density_of, number_of
from wconv.constants.space_names import space_of

x = np.linspace(-2, 2, 41)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a**4/4 - a", x**4 / 4 - x),
        ("-a**2", -(x**2)),
        ("(a**2-1)**2/(4*tau) + 0.1*a/tau", ((x**2 - 1) ** 2 / 4 + 0.1 * x) / 0.3),
        ("2*k*a - -a", 7 * x),
        ("exp(-abs(a)) + log(2+a**2) + sqrt(Abs(a))",
         np.exp(-abs(x)) + np.log(2 + x**2) + np.sqrt(abs(x))),
        ("sin(pi*a)+cos(a)+tan(a/2)", np.sin(np.pi * x) + np.cos(x) + np.tan(x / 2)),
        ("sinh(a)+cosh(a)+tanh(a)", np.sinh(x) + np.cosh(x) + np.tanh(x)),
        ("e**a + 1e-3*a", np.e**x + 1e-3 * x),
        (" 3 ", np.full_like(x, 3.0)),
        ("2**3**2*a", 512 * x),
    ],
)  # fmt: skip
def test_value_of_a_formula(text, value):
    log_density = log_density_of(text, {"tau": 0.3} | ({"k": 3.0} if "k" in text else {}))
    got = log_density(x)
    assert got.shape == x.shape
    assert np.allclose(got, -value / 0.3, rtol=1e-14, atol=1e-14)
    assert log_density(x[:1]).shape == (1,)


def test_the_temperature_is_one_without_a_word():
    assert np.array_equal(log_density_of("a**2/2")(x), -(x**2) / 2)
    assert log_density_of("0*a")(x).flags.writeable


def test_an_action_on_a_line_may_be_called_x_but_not_both_names():
    assert np.array_equal(log_density_of("x**2 - 3*x")(x), -(x**2 - 3 * x))
    with pytest.raises(InputError, match=r"call the action a or x, not both, got a\*x"):
        log_density_of("a*x")
    with pytest.raises(InputError, match="leave out the variables, got x"):
        log_density_of("a*x", {"x": 2.0})
    with pytest.raises(InputError, match="got 'a': valid: x, y, pi, e"):
        log_density_of("a*y", variables=("x", "y"))


@pytest.mark.parametrize(
    ("words", "space"),
    [
        (["-3:3"], wc.Interval(-3.0, 3.0)),
        (["-sqrt(3)/2:inf"], wc.Interval(-(3**0.5) / 2, np.inf)),
        (["0:2*pi", "-1:1e-3"], wc.Box((0.0, -1.0), (2 * np.pi, 1e-3))),
        (["circle:2*pi"], wc.Torus()),
        (["circle:e**2"], wc.Circle(np.e**2)),
        (["torus:pi"], wc.Torus(np.pi, dim=2)),
        (["disc:2**0.5"], wc.Disc(2**0.5)),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_spaces_take_numbers_written_as_formulas(words, space):
    assert space_of(words) == space


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["around"], r"name a space: LOW:HIGH.*got around: for example --on -3:3"),
        (["0:1:2"], "got 0:1:2: for example"),
        (["0:1", "0:1", "0:1"], "name a space"),
        (["circle:1", "0:1"], "got 'circle'"),
        (["circle"], "number must be a formula"),
        (["circle:2*pii"], "name a space.*did you mean 'pi'"),
        (["0:a"], "got 'a': valid: pi, e"),
        (["0:1/0"], "1 / 0 in the number must be finite"),
        (["0:().__class__"], "number must be arithmetic"),
        (["0:2^3"], r"number must use no \^"),
        (["0:" + "-" * 200 + "1"], "number must nest at most"),
    ],
)
def test_other_spaces_are_refused_with_the_reason(words, match):
    with pytest.raises(InputError, match=rf"--on must .*{match}"):
        space_of(words)


def test_a_number_is_read_as_python_would():
    for text in ("2*pi", "-(1 + 2)**3/7", "e**-1", "1e-3", " 4 "):
        assert number_of("n", text) == eval(text, {"pi": np.pi, "e": np.e}), text


def test_two_variables_and_broadcasting():
    points = np.stack(np.meshgrid(x, x[:7]), axis=-1)
    log_density = log_density_of("(x - 0.3*y)**2 + c", {"c": 1.0}, variables=("x", "y"))
    truth = -((points[..., 0] - 0.3 * points[..., 1]) ** 2) - 1.0
    assert np.allclose(log_density(points), truth, rtol=1e-14, atol=1e-14)
    assert log_density_of("y", variables=("x", "y"))(points).shape == (7, 41)
    assert (log_density_of("2", variables=("x", "y"))(points) == -2).all()


def test_what_is_not_a_number_is_left_to_the_user_of_the_density():
    with np.errstate(all="raise"):
        got = log_density_of("log(a)")(np.array([-1.0, 0.0, 1.0]))
    assert np.isnan(got[0])
    assert got[1] == np.inf
    assert got[2] == 0


BAD = {
    "": "potential must be a formula",
    "   ": "potential must be a formula",
    "2a": r"be a formula, got .*write products with \*",
    "a +": "be a formula",
    "(a": "be a formula",
    "a^2": r"use no \^, got a \^ 2: write powers with \*\*",
    "b**2": "name in the potential must be a known name, got 'b': valid: a, pi, e, tilt",
    "titl*a": "did you mean 'tilt'",
    "exp": "name in the potential must be a known name",
    "sinn(a)": "function in the potential must be a known name.*did you mean 'sin'",
    "a(2)": "function in the potential",
    "exp(a, 2)": "be arithmetic",
    "exp(x=a)": "be arithmetic",
    "exp(*[a])": "be arithmetic|known name",
    "a > 0": "be arithmetic, got a > 0",
    "1 if a else 2": "be arithmetic",
    "lambda: a": "be arithmetic",
    "a.real": "be arithmetic",
    "a[0]": "be arithmetic",
    "[a]": "be arithmetic",
    "(a := 3)": "be arithmetic",
    "f'{a}'": "be arithmetic",
    "'a'": "be arithmetic",
    "True*a": "be arithmetic",
    "1j*a": "be arithmetic",
    "a // 2": "be arithmetic",
    "a % 2": "be arithmetic",
    "not a": "be arithmetic",
    "__import__('os')": "function in the potential must be a known name",
    "(1).__class__": "be arithmetic",
    "exp.__globals__": "be arithmetic",
    "().__class__.__bases__[0]": "be arithmetic",
    "a; a": "be a formula",
    "import os": "be a formula",
    "a\x00": "be a formula",
    "9**9**9*a": "in the potential must be finite",
    "a + 10**400": "in the potential must be finite",
    "1" * 400: "number in the potential must be finite",
    "1" * 999: "number in the potential must be finite",
    "a/(1 - 1)": None,
    "1/0*a": "in the potential must be finite",
    "log(-1)": "in the potential must be finite",
    "a" + "+a" * (DEPTH + 1): "nest at most",
    "-" * 900 + "a": "nest at most|be a formula",
    "not " * 249 + "a": "be arithmetic|be a formula",
    "(" * 300 + "a" + ")" * 300: "be a formula",
    "a" * 1001: "at most 1000 characters",
}


@pytest.mark.parametrize("text", BAD, ids=lambda t: repr(t[:24]))
def test_anything_but_arithmetic_is_refused_at_once(text):
    began = time.perf_counter()
    if BAD[text] is None:  # a division by zero that depends on the action is not a constant
        assert np.isinf(log_density_of(text)(np.array([1.0, -1.0]))).all()
    else:
        with pytest.raises(InputError, match=BAD[text]):
            log_density_of(text, {"tilt": 0.1})
    assert time.perf_counter() - began < 1.0


def test_bad_parameters_and_text_are_named():
    with pytest.raises(InputError, match="parameter tau must be positive"):
        log_density_of("a", {"tau": 0.0})
    with pytest.raises(InputError, match="parameter k must be finite"):
        log_density_of("k*a", {"k": float("nan")})
    with pytest.raises(InputError, match="parameters must leave out the variables, got a"):
        log_density_of("a", {"a": 1.0})
    with pytest.raises(InputError, match="potential must be a formula, got 3"):
        log_density_of(3)
    assert set(FUNCTIONS) >= {"exp", "log", "sqrt", "abs", "sin", "cos", "tanh"}
