"""Statements as MathML: where formulas begin and end, what they become, and that none is left raw."""

import re
import xml.etree.ElementTree as ElementTree
from html import unescape

import pytest

from wconv.report.formula_tokens import to_latex
from wconv.report.statement_math import segments, statement_html, to_mathml
from wconv.theory.registry import discover

CHECKS = discover()


def formulas(text):
    return [part.text for part in segments(text) if part.kind == "formula"]


def structure(node):
    """An element as a short text: letters as they are, the rest as name(children), rows left out."""
    children = " ".join(structure(child) for child in node)
    if node.tag in ("math", "mrow"):
        return children
    return f"{node.tag}({children})" if len(node) else (node.text or node.tag)


SHAPES = {
    "E_t/E_0 ≤ exp(−2τ(1−γ)∫_0^t du/C(u))": "msub(E t) / msub(E 0) ≤ exp ( − 2 τ ( 1 − γ ) "
    "msubsup(∫ 0 t) mspace d u / C ( u ) )",
    "λ = 2τ/C_LS": "λ = 2 τ / msub(C LS)",
    "π̂_{k+1}": "msub(mover(π ˆ) k + 1)",
    "W_2²(ν, p)": "msubsup(W 2 2) ( ν , p )",
    "Σ_s'|∇P(s')|": "msub(∑ msup(s ′)) | ∇ P ( msup(s ′) ) |",
    "Φ'_k": "msubsup(Φ k ′)",
    "e^{osc ψ} C_T(μ)": "msup(e osc mspace ψ) mspace msub(C T) ( μ )",
    "√(p_j/p_i)": "msqrt(msub(p j) / msub(p i))",
    "√γ·δ": "msqrt(γ) · δ",
    "V* − V^{π'}": "msup(V *) − msup(V msup(π ′))",
    "½a'Ha": "½ msup(a ′) H a",
    "V̇_t ≥ (I−γP)⁻¹τ²I": "msub(mover(V ˙) t) ≥ ( I − γ P msup() − 1) msup(τ 2) I",
    "[KL(π̂_k𝒦‖p̂_k)]⁺": "[ KL ( msub(mover(π ˆ) k) 𝒦 ‖ msub(mover(p ˆ) k) ) msup(] +)",
    "(G∘g)_#": "( G ∘ g msub() #)",
    "Kᵀπ": "msup(K T) π",
    "max_s d^{π_t}(s)": "msub(max s) mspace msup(d msub(π t)) ( s )",
}


@pytest.mark.parametrize("formula", SHAPES)
def test_a_formula_has_the_structure_it_is_written_with(formula):
    tree = ElementTree.fromstring(to_mathml(to_latex(formula)))
    assert structure(tree) == SHAPES[formula]
    assert "".join(formulas(formula)) == formula


PROSE = {
    "A Kantorovich potential φ oscillates.": ["φ"],
    "The image under a ↦ λa of a law": ["a ↦ λa"],
    "is a γ-contraction, b_k is L_b-Lipschitz, −log p is m-strongly convex": [
        *("γ", "b_k", "L_b", "−log p", "m"),
    ],
    "C_LS (log-Sobolev) of p_k, and a T2 constant": ["C_LS", "p_k"],
    "an interval (0, η_0]: of 16 to 256 particles, 99.99 % (at most δ)": ["(0, η_0]", "δ"],
    "policies N(Kx, Σ), x' = Ax + Ba + w": ["N(Kx, Σ)", "x' = Ax + Ba + w"],
    "(H1) r is bounded. (H2) Tweedie's formula, as in `one-step-kl`": ["r"],
    "sup|noise| = σ and ∫ψ d(proximal) ≤ 1": ["sup|noise| = σ", "∫ψ d(proximal) ≤ 1"],
    "g_#(law of z)": ["g_#", "z"],
    "E Ĥ reused ≤ H ≤ E Ĥ fresh": ["E Ĥ", "≤ H ≤ E Ĥ"],
    "τ/h + ητ/2 + … and no more": ["τ/h + ητ/2 + …"],
    "Two states, one to do: Émery's 0.5 of it.": [],
}


@pytest.mark.parametrize("text", PROSE)
def test_formulas_are_found_among_words(text):
    assert formulas(text) == PROSE[text]
    assert "".join(part.text for part in segments(text)) == text


def test_a_long_formula_is_cut_at_its_signs_and_keeps_its_full_stop():
    text = "W_{k+1} ≤ (I − D_c(I−γP_{π*}))W_k + τδ/(1−γ) + 2ζ/(1−γ)."
    pieces = formulas(text)
    assert [piece.strip()[0] for piece in pieces] == ["W", "≤", "+", "+"]
    html = statement_html(text)
    assert html.count("<wbr>") == 3
    assert html.count('<mo form="infix">') == 3
    assert html.endswith(".</span>")


def test_words_are_escaped():
    assert statement_html("if <so> & `x<y`") == "if &lt;so&gt; &amp; <code>x&lt;y</code>"


@pytest.mark.parametrize("id", CHECKS)
def test_every_statement_converts_and_leaves_nothing_raw(id):
    statement = CHECKS[id].statement
    for name, text in {"title": statement.title, **statement.sections}.items():
        if name == "Reference":
            continue
        html = statement_html(text)
        seen = unescape(re.sub(r"<code>.*?</code>|<[^>]*>", "", html))
        assert not re.search(r"[_^{}\\]", seen), seen
        assert html.count("<math>") == html.count("</math>") == len(formulas(text))
        assert ElementTree.fromstring(f"<p>{html.replace('<wbr>', '')}</p>").tag == "p"
