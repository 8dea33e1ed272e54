"""A potential typed by a user, such as "a**4/4 - a**2/2 + tilt*a", as a log-density; numbers such as "2*pi".

The text is parsed by Python's grammar and then read node by node: numbers, known names, arithmetic and
a few functions. Nothing of it is ever executed, and everything else is refused.
"""

import ast
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import e, pi
from typing import Any, Final

import numpy as np

from wconv import _require as require

LENGTH: Final = 1000
"""Most characters of a formula."""

DEPTH: Final = 100
"""Most operations inside each other."""

CONSTANTS: Final = {"pi": pi, "e": e}

ON_A_LINE: Final = ("a", "x")
"""What an action on a line may be called: a formula uses one of the two."""

FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "Abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
}

BINARY: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}

UNARY: Final[Mapping[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
}


def log_density_of(
    potential: str, parameters: Mapping[str, float] | None = None, variables: Sequence[str] = ("a",)
) -> Callable[[Any], Any]:
    """The log-density −V/τ of a potential V given as text, up to a constant.

    Args:
        potential: a formula in the variables, the parameters, pi and e, with + − * / **, brackets
            and exp, log, sqrt, abs, sin, cos, tan, sinh, cosh, tanh.
        parameters: numbers by name; "tau" is the temperature τ (1 without it).
        variables: one name for an action on a line, two or more for one in the plane or beyond;
            a formula may say x for a lone a.

    Returns:
        A function of float arrays: (n,) -> (n,) with one variable, (..., d) -> (...) with d.

    Raises:
        InputError: not a formula, unknown names or functions (the message lists the known ones),
            both a and x on a line, anything else Python could do, constants that are not finite
            numbers.

    """
    numbers = CONSTANTS | {
        name: require.real(f"parameter {name}", value) for name, value in (parameters or {}).items()
    }
    spellings = ON_A_LINE if tuple(variables) == ON_A_LINE[:1] else tuple(variables)
    for name in spellings:
        if name in numbers:
            require.fail("parameters", "leave out the variables", name, "rename the parameter")
    tau = require.positive("parameter tau", numbers.get("tau", 1.0), "the density is e^(-V/tau)")
    tree = _parsed("potential", potential)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {"tau"}
    if spellings == ON_A_LINE and "x" in used:
        if "a" in used:
            require.fail("potential", "call the action a or x, not both", potential, "choose one")
        variables = ("x",)
    _Grammar("potential", tuple(variables), numbers).check(tree)
    for name in parameters or {}:
        if name not in used:
            require.fail("parameters", "appear in the potential", name, "leave it out")

    def log_density(a: Any) -> Any:
        at = np.asarray(a, dtype=float)
        columns = [at] if len(variables) == 1 else [at[..., k] for k in range(len(variables))]
        with np.errstate(all="ignore"):  # −inf and NaN are for whoever uses the density to judge
            value = _value(tree, numbers | dict(zip(variables, columns, strict=True)))
        return np.broadcast_to(-value / tau, columns[0].shape).copy()

    return log_density


def number_of(symbol: str, text: str) -> float:
    """A number given as a formula of numbers, pi and e, such as "2*pi" or "-sqrt(3)/2".

    InputError naming the symbol for what would be refused in a potential.
    """
    tree = _parsed(symbol, text)
    _Grammar(symbol, (), CONSTANTS).check(tree)
    return float(_value(tree, CONSTANTS))


def _parsed(symbol: str, text: str) -> ast.expr:
    remedy = 'write products with *, powers with **, for example "a**4/4 - 2*a**2" or "2*pi"'
    if not isinstance(text, str):
        require.fail(symbol, "be a formula", text, remedy)
    if len(text) > LENGTH:
        require.fail(symbol, f"have at most {LENGTH} characters", len(text), "shorten it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "2if": the tree is what is judged
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error)
        require.fail(symbol, "be a formula", f"{text!r} ({reason})", remedy)


@dataclass(frozen=True)
class _Grammar:
    """What a formula is called in errors, and the names it may use."""

    symbol: str
    variables: tuple[str, ...]
    numbers: Mapping[str, float]

    def check(self, tree: ast.expr) -> None:
        """Refuse a tree that is not a formula."""
        try:
            self._constant(tree, DEPTH)
        except RecursionError:
            require.fail(self.symbol, "be arithmetic", "something too deep to print", "simplify it")

    def _constant(self, node: ast.expr, depth: int) -> bool:
        """Refuse what is not a formula; whether the node is free of variables."""
        if depth == 0:
            require.fail(self.symbol, f"nest at most {DEPTH} operations", "more", "simplify it")
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                require.real(f"number in the {self.symbol}", node.value)
                constant = True
            case ast.Name(id=name):
                names = [*self.variables, *self.numbers]
                require.choice(f"name in the {self.symbol}", name, names)
                constant = name in self.numbers
            case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
                constant = self._constant(operand, depth - 1)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                sides = [self._constant(side, depth - 1) for side in (left, right)]
                constant = all(sides)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
                require.choice(f"function in the {self.symbol}", name, FUNCTIONS)
                constant = self._constant(argument, depth - 1)
            case ast.BinOp(op=ast.BitXor()):
                require.fail(self.symbol, "use no ^", ast.unparse(node), "write powers with **")
            case _:
                remedy = (
                    f"use numbers, + - * / **, brackets, and {', '.join(FUNCTIONS)} of one argument"
                )
                require.fail(self.symbol, "be arithmetic", ast.unparse(node), remedy)
        if constant:
            with np.errstate(all="ignore"):
                value = _value(node, self.numbers)
            what = f"{ast.unparse(node)} in the {self.symbol}"
            require.finite(what, value, "choose smaller numbers")
        return constant


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of a checked formula, in float64 throughout: powers overflow, they do not grow."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.float64(value)
        case ast.Name(id=name):
            return np.asarray(names[name], dtype=float)
        case ast.UnaryOp(op=op, operand=operand):
            return UNARY[type(op)](_value(operand, names))
        case ast.BinOp(left=left, op=op, right=right):
            return BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return FUNCTIONS[name](_value(argument, names))
    raise AssertionError(ast.dump(node))
