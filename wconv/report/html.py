"""A result as a self-contained HTML fragment, for notebooks: no script, no request, no style sheet."""

from typing import Final

from jinja2 import Environment

from wconv.report import format as fmt
from wconv.report.schema import Result

_TEMPLATE: Final = """
<div style="font-family: system-ui, sans-serif; font-size: 14px; line-height: 1.5">
<div><b>{{ result.id }}</b> on {{ fmt.subject(result) }}:
<b style="color: {{ '#1a7f37' if result.as_expected else '#b42318' }}">{{ result.verdict }}</b>
{{ result.message }}</div>
{% for h in result.hypotheses %}
<div style="margin-left: 1em">{{ h.name }} {{ words[h.holds] }}: {{ h.detail }}</div>
{% endfor %}
<table style="border-collapse: collapse; margin-top: .5em">
<tr style="border-bottom: 1px solid #888">
{% for head in heads %}<th style="{{ cell }}">{{ head }}</th>{% endfor %}
</tr>
{% for c in result.claims %}
<tr>
<td style="{{ cell }}">{{ c.name }}</td>
<td style="{{ cell }}">{{ c.verdict }} {{ c.tag }}</td>
<td style="{{ cell }}">{{ fmt.place(c.where) or "-" }}</td>
<td style="{{ cell }}">{{ fmt.side(c, "lhs") }}</td>
<td style="{{ cell }}">{{ fmt.side(c, "rhs") }}</td>
<td style="{{ cell }}">{{ fmt.with_error(c.margin, c.margin_error) }}</td>
<td style="{{ cell }}">{{ fmt.with_error(c.tightness, c.tightness_error, 4) }}</td>
<td style="{{ cell }}">{{ fmt.teeth(c.teeth) }}</td>
<td style="{{ cell }}">{{ c.resolved }}/{{ c.points }}</td>
</tr>
{% endfor %}
</table>
</div>
"""
_HEADS: Final = (
    "claim", "verdict", "worst at", "measured", "proved", "margin", "tightness", "teeth", "resolved",
)  # fmt: skip
_CELL: Final = "text-align: left; padding: 2px 12px 2px 0; white-space: nowrap"


def result_html(result: Result) -> str:
    """The verdict, the hypotheses and a table of the claims with their numbers."""
    template = Environment(autoescape=True, trim_blocks=True).from_string(_TEMPLATE)
    words = {True: "holds", False: "FAILS", None: "undecided"}
    return template.render(result=result, fmt=fmt, heads=_HEADS, cell=_CELL, words=words).strip()
