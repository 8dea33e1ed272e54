"""The statement of a theorem, read from a check's docstring.

The docstring is written in this order: ``id  Title``, Setting, Hypotheses with (H1)…, Claim,
Tight for, Reference. The names of the hypotheses must be the ones the check yields.
"""

import re
from dataclasses import dataclass

from wconv import _require as require

SECTIONS = ("Setting", "Hypotheses", "Claim", "Tight for", "Reference")


@dataclass(frozen=True)
class Statement:
    """A theorem in words: id, title and the sections of the docstring."""

    id: str
    title: str
    sections: dict[str, str]

    @property
    def hypotheses(self) -> tuple[str, ...]:
        """The names (H1), (H2), … in order."""
        return tuple(re.findall(r"\((H\d+)\)", self.sections["Hypotheses"]))


def parse_statement(docstring: str | None, source: str) -> Statement:
    """Read the statement; raises InputError naming the file and the missing section."""
    text = (docstring or "").strip()
    head, _, body = text.partition("\n")
    match = re.match(r"([a-z0-9]+(?:-[a-z0-9]+)*)\s{2,}(\S.*)$", head)
    if not match:
        require.fail(
            f"docstring of {source}",
            "start with 'id  Title'",
            head or "nothing",
            "see docs/add-a-theorem.md",
        )
    pattern = r"^\s*(" + "|".join(SECTIONS) + r")\.\s"
    parts = re.split(pattern, body, flags=re.MULTILINE)
    names = parts[1::2]
    if tuple(names) != SECTIONS:
        require.fail(
            f"docstring of {source}",
            f"have the sections {', '.join(SECTIONS)}",
            ", ".join(names) or "none",
            "write them in this order",
        )
    sections = {name: _unindent(part) for name, part in zip(names, parts[2::2], strict=True)}
    return Statement(match[1], match[2].strip(), sections)


def _unindent(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())
