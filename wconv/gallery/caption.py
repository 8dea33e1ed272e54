"""The caption of a figure, written by the verdicts on what it shows."""

from collections.abc import Sequence
from typing import Any, Final

from wconv.gallery.figure import Figure
from wconv.mdp.zoo import RECIPES, parameters_of
from wconv.report import format as fmt
from wconv.report.schema import Result

SYMBOLS: Final = {"temperature": "τ", "discount": "γ"}


def caption(figure: Figure, results: Sequence[Result]) -> str:
    """What is drawn how; the verdict, margin and tightness of every theorem; what is seen.

    "E_t of the flow (solid, ...). `wpg-exp` HOLDS on tilted-double-well (τ = 0.5, γ = 0.8): margin 0.012
    ± 2e-05, tightness 0.986. The exponent ..."

    Args:
        figure: with the fixed sentences.
        results: one a claim of the figure, in its order.

    """
    said = []
    for one, result in zip(figure.claims, results, strict=True):
        said.append(sentence(result, dict(one.settings)))
    return " ".join([figure.marks, *said, figure.seen])


def sentence(result: Result, chosen: dict[str, Any]) -> str:
    """A verdict with its numbers; of one that is not HOLDS also why. In brackets τ, γ and what was chosen."""
    text = f"`{result.id}`: {result.verdict} on {result.instance}{_where(result, chosen)}"
    if result.verdict in ("HOLDS", "VIOLATED"):
        text += f", margin {fmt.with_error(result.margin, result.margin_error)}"
        text += f", tightness {fmt.with_error(result.tightness, result.tightness_error, 4)}"
    if result.verdict != "HOLDS" and result.message:
        text += f" ({result.message})"
    return text + "."


def _where(result: Result, chosen: dict[str, Any]) -> str:
    defaults = parameters_of(result.instance) if result.instance in RECIPES else {}
    all_of_them = defaults | result.parameters
    known = {name: all_of_them[name] for name in SYMBOLS if name in all_of_them}
    if result.paths:
        known["start"] = result.start
    shown = [f"{SYMBOLS.get(name, name)} = {_plain(x)}" for name, x in (known | chosen).items()]
    return f" ({', '.join(shown)})" if shown else ""


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
