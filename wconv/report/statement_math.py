"""Statements in prose with Unicode mathematics, as HTML with MathML: where formulas begin and end.

Nothing marks a formula in a statement; its letters do. The grammar, read from left to right:

    statement = {word | code | label | stop | formula}
    formula   = piece {[space] piece}          with no word, stop or unmatched bracket in it
    piece     = atom | number | operator | open formula {("," | ";") formula} close
    atom      = base {accent} {script}
    base      = one letter, a named function (log, KL, osc, ...), a closing bracket or bar, ∫, Σ, ∂, ∇,
                √ atom, √( formula )
    accent    = a combining hat, dot or bar
    script    = ("_" | "^") ("{" formula "}" | LS | max | min | Leb | osc | digits | base) | "'" | "*"
                | a raised digit, sign or T

A prime after the index of a sum belongs to the index (Σ_s'), elsewhere to the base (Φ'_k). A sum is a Σ
with an index; without one it is a letter. Two or three letters without a space are a product where
something shows it: a script, a Greek letter, number or bracket that touches them, an operator beside
them, a d in front. "a" and "A" are articles before a word. What is left is a word, and stays one;
so do a bracket around words, a label (H1), a name (T2) and a number that stands alone.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import pairwise
from typing import Final, Literal

from wconv.report.formula_tokens import Reader, Token, joined

ROOM: Final = 30
"""Letters of a formula that fit on one line of a telephone; a longer one may be broken at its spaces."""

SIGNS: Final = ("relation", "operator")


@dataclass(frozen=True)
class Segment:
    """A stretch of a statement: words, a code span or a formula with its LaTeX."""

    kind: Literal["words", "code", "formula"]
    text: str
    latex: str = ""


def segments(text: str) -> list[Segment]:
    """A statement in stretches of words, code and formulas; their texts put together are the statement.

    The longest stretches that obey the grammar of this module are formulas; one that is too long for
    a narrow page is given in several, cut at spaces that its author wrote.
    """
    tokens = _matched(Reader(unicodedata.normalize("NFC", text.replace("\n", " "))).tokens())
    out: list[Segment] = []
    for is_formula, part in _runs(tokens):
        if is_formula:
            out += [
                Segment("formula", "".join(t.text for t in piece), joined(piece))
                for piece in _pieces(part, ROOM)
            ]
            continue
        for token in part:
            if token.text.startswith("`") and len(token.text) > 1:
                out.append(Segment("code", token.text))
            elif out and out[-1].kind == "words":
                out[-1] = Segment("words", out[-1].text + token.text)
            else:
                out.append(Segment("words", token.text))
    return out


@cache
def to_mathml(latex: str, *, continued: bool = False) -> str:
    """Inline MathML of LaTeX, without name spaces (HTML needs none).

    ``continued`` is for what a longer formula was cut into: a sign in front has a left side then.
    """
    from latex2mathml.converter import convert

    mathml: str = convert(latex)
    mathml = mathml.replace(' xmlns="http://www.w3.org/1998/Math/MathML" display="inline"', "")
    for code, letter in re.findall(r"(&#x([0-9A-F]{5,6});)", mathml):
        mathml = mathml.replace(code, escape(chr(int(letter, 16))))
    for found, better in _MENDED:
        mathml = re.sub(found, better, mathml)
    return (
        re.sub("^<math><mrow><mo>", '<math><mrow><mo form="infix">', mathml)
        if continued
        else mathml
    )


_MENDED: Final = (
    (r"<mo>\^</mo>", "<mo>\u02c6</mo>"),  # no caret may be left to read
    (r"<mi>([∼′])</mi>", r"<mo>\1</mo>"),
    (r"<mi>([‖⟨⟩])</mi>", r'<mo stretchy="false">\1</mo>'),
    (r"(<mo stretchy=\"false\"|<mo)>([/|‖⟨⟩])</mo>", r'\1 lspace="0em" rspace="0em">\2</mo>'),
    (
        r"(<mo[^>]*>[(\[=<>≤≥∝→,+−·]</mo>|&lt;</mo>|&gt;</mo>)<mo>([+−])</mo>",
        r'\1<mo form="prefix">\2</mo>',
    ),
)
"""Of what the converter leaves: letters that are signs, signs with too much room, signs of a number."""


def statement_html(text: str) -> str:
    """A statement as HTML: words escaped, code marked, formulas in MathML that keep their punctuation."""
    out, parts = "", segments(text)
    for k, part in enumerate(parts):
        before, after = (
            (parts[k - 1] if k else None),
            (parts[k + 1] if k + 1 < len(parts) else None),
        )
        if part.kind == "code":
            out += f"<code>{escape(part.text.strip('`'))}</code>"
        elif part.kind == "words":
            words = part.text[len(_stuck(part)) if before and before.kind == "formula" else 0 :]
            out += re.sub(r" {2,}", "\u2003", escape(words, quote=False))
        else:
            continued = before is not None and before.kind == "formula"
            math = to_mathml(part.latex, continued=continued)
            stuck = _stuck(after) if after else ""
            out += f'<span class="nb">{math}{stuck}</span>' if stuck else math
            if after and after.kind == "formula":
                out += "<wbr>" if after.text[0] in "=<>≤≥∝→+−~∈≫≪" else " "
    return out


def _stuck(after: Segment) -> str:
    """Punctuation that must stay on the line of the formula before it."""
    found = re.match(r"[,.;:)\]]+", after.text) if after.kind == "words" else None
    return found[0] if found else ""


def _matched(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, with brackets that enclose words or match nothing, and commas outside, as prose."""
    out, stack = list(tokens), list[int]()
    keep: set[int] = set()
    for k, token in enumerate(tokens):
        if token.kind == "open":
            stack.append(k)
        elif token.kind == "close" and stack:
            start = stack.pop()
            if all(t.kind != "prose" for t in tokens[start:k]):
                keep |= {start, k, *range(start, k)}
    for k, token in enumerate(tokens):
        if token.kind in ("open", "close", "comma") and k not in keep:
            out[k] = Token("prose", token.text)
    return out


def _runs(tokens: Sequence[Token]) -> Iterator[tuple[bool, list[Token]]]:
    """(whether it is a formula, its tokens), in order."""
    start = 0
    while start < len(tokens):
        end = start
        while end < len(tokens) and tokens[end].kind != "prose":
            end += 1
        run = list(tokens[start:end])
        head, body, tail = _trimmed(run)
        for is_formula, part in ((False, head), (bool(body), body), (False, tail)):
            if part:
                yield is_formula, part
        if end < len(tokens):
            yield False, [tokens[end]]
        start = end + 1


def _trimmed(run: list[Token]) -> tuple[list[Token], list[Token], list[Token]]:
    """What is prose before a formula, the formula, what is prose after it."""
    if not any(t.kind == "math" for t in run):
        return run, [], []
    first, last = 0, len(run)
    while run[first].kind == "space" or run[first].text in ("/", "·", "×"):
        first += 1
    while run[last - 1].kind in ("space", "relation", "operator"):
        last -= 1
    return run[:first], run[first:last], run[last:]


def _width(tokens: Sequence[Token]) -> float:
    """About how many letters wide a formula is: scripts are smaller, signs stand in white space."""
    text = "".join(t.text for t in tokens)
    scripts = sum(len(part) for part in re.findall(r"[_^]\{([^}]*)\}", text))
    signs = sum(t.kind in SIGNS and t.text != "/" for t in tokens)
    return len(re.sub(r"[_^{} ]", "", text)) - 0.3 * scripts + signs


def _pieces(tokens: list[Token], room: int) -> list[list[Token]]:
    """A formula cut at spaces: first at relations outside of brackets, then deeper, until it fits."""
    if _width(tokens) <= room:
        return [tokens]
    depth, best, cuts = 0, (9, 9), list[int]()
    for k, token in enumerate(tokens):
        depth += (token.kind == "open") - (token.kind == "close")
        after, before = tokens[k + 1 : k + 2], tokens[k - 1 : k]
        if token.kind != "space" or not after or before[0].kind in SIGNS:
            continue  # a sign starts the next line, it does not end one
        sign = SIGNS.index(after[0].kind) if after[0].kind in SIGNS else len(SIGNS)
        if (depth, sign) < best:
            best, cuts = (depth, sign), []
        if (depth, sign) == best:
            cuts.append(k)
    if not cuts:
        return [tokens]
    edges = [0, *(k + 1 for k in cuts), len(tokens)]
    parts = [tokens[a:b] for a, b in pairwise(edges)]
    return [piece for part in parts for piece in _pieces(part, room)]
