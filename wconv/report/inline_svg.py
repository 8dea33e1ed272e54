"""A figure as SVG inside an HTML page: ids of its own, colours that follow the page, no addresses."""

import io
import re
from collections.abc import Iterable
from hashlib import blake2s
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS: Final = {
    "#000000": "currentColor",
    "#4d4d4d": "var(--plot-grey)",
    "#0072b2": "var(--plot-blue)",
    "#d55e00": "var(--plot-vermillion)",
    "#009e73": "var(--plot-green)",
    "#cc79a7": "var(--plot-purple)",
}
"""What a page says in its style sheet, so that a dark one can draw lighter."""

_USES: Final = re.compile(r'(?:<use href="#([^"]+)" x="[^"]*" y="[^"]*" style="([^"]*)"/>)+')
_PATHS: Final = re.compile(
    r'<path d="[^"]*"( clip-path="[^"]*")( style="[^"]*")/>(?:<path d="[^"]*"\1\2/>)+'
)

_LETTER: Final = re.compile(r'<path id="([^"]+)" (d="[^"]*" transform="scale\([^"]*\)")/>')


def inline_svg(figure: "Figure", name: str, title: str) -> str:
    """The SVG element of a figure, whose ids begin with ``name``, with ``title`` for who cannot see it.

    Letters are outlines, so that no reader has to have the fonts that the figure was laid out with; their
    ids are the same in every figure (see ``letters_once``). Coordinates are kept to a hundredth of a
    point, and what equal neighbours share is said once.
    """
    from matplotlib import rc_context

    stream = io.StringIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = stream.getvalue()
    body = svg[svg.index("</metadata>") + len("</metadata>") : svg.rindex("</svg>")]
    body = re.sub(
        r"<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL
    )  # it would reach the page
    body = re.sub(r">\s+<", "><", body).strip().replace("xlink:href", "href")
    body = re.sub(r' (?:d|x|y|points|transform)="[^"]*"', lambda m: _rounded(m[0]), body)
    body = _USES.sub(_one_style, body)
    body = _PATHS.sub(lambda m: _one_path(m[0], m[1] + m[2]), body)
    body = re.sub(r"#[0-9a-f]{6}\b", lambda m: COLOURS.get(m[0], m[0]), _renamed(body, name))
    width, height = (round(72 * inches, 1) for inches in figure.get_size_inches())
    head = f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width:g} {height:g}"'
    size = (
        f'width="{4 / 3 * width:.0f}" style="min-width: {0.9 * width:.0f}px"'  # no less is legible
    )
    return f'{head} {size} fill="currentColor">{body}</svg>'


def letters_once(figures: Iterable[str]) -> tuple[str, list[str]]:
    """An SVG element without size that defines the letters of all figures, and the figures without."""
    found: dict[str, str] = {}
    bare = []
    for figure in figures:
        found.update((m[1], m[0]) for m in _LETTER.finditer(figure))
        bare.append(_LETTER.sub("", figure))
    return (
        f'<svg class="letters" aria-hidden="true"><defs>{"".join(found.values())}</defs></svg>',
        bare,
    )


def _renamed(body: str, name: str) -> str:
    """Ids that are referred to: letters after their outline, others numbered after the figure's name."""
    used = dict.fromkeys(re.findall(r'(?:href="|url\()#([^")]+)', body))
    new = {old: f"{name}-{k}" for k, old in enumerate(used)}
    for letter in _LETTER.finditer(body):
        new[letter[1]] = f"l{blake2s(letter[2].encode(), digest_size=5).hexdigest()}"
    body = re.sub(r' id="([^"]*)"', lambda m: f' id="{new[m[1]]}"' if m[1] in new else "", body)
    return re.sub(r'(href="|url\()#([^")]+)', lambda m: f"{m[1]}#{new[m[2]]}", body)


def _rounded(attribute: str) -> str:
    """Places with two decimals, transformations with six digits, white space as single blanks."""
    form = ".6g" if attribute.startswith(" transform") else ".2f"
    short = re.sub(r"-?\d+\.\d+", lambda m: _short(format(float(m[0]), form)), attribute)
    return " " + " ".join(short.split())


def _short(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number and "e" not in number else number


def _one_style(found: re.Match[str]) -> str:
    """Neighbouring markers, every stretch of one style in a group that has it."""
    out, last = "", ""
    for use, style in re.findall(r'(<use [^>]*?) style="([^"]*)"/>', found[0]):
        if style != last:
            out += f'{"</g>" if last else ""}<g style="{style}">'
        out, last = f"{out}{use}/>", style
    return f"{out}</g>"


def _one_path(paths: str, shared: str) -> str:
    """Neighbouring lines of one style as one, or in one group where they are transparent and add up."""
    lines = re.findall(r' d="([^"]*)"', paths)
    if "opacity" not in shared:
        return f'<path d="{" ".join(lines)}"{shared}/>'
    if re.search(r"[^-]opacity", shared):
        return paths  # of a group it would be something else
    return f"<g{shared}>" + "".join(f'<path d="{line}"/>' for line in lines) + "</g>"
