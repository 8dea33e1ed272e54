"""``cite``: what to cite for a statement, as BibTeX.

The sources are those that the Reference sections of the statements name; fields that are not known for sure
are left out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wconv import __version__
from wconv import _require as require
from wconv.theory.registry import discover


@dataclass(frozen=True)
class Source:
    """One BibTeX entry, and the ways in which Reference sections name it."""

    key: str
    kind: str
    named: tuple[str, ...]
    fields: Mapping[str, str]

    @property
    def bibtex(self) -> str:
        """The entry."""
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])


def _arxiv(author: str, title: str, number: str) -> dict[str, str]:
    year = f"20{number[:2]}"
    return {
        "author": author,
        "title": title,
        "year": year,
        "eprint": number,
        "archivePrefix": "arXiv",
        "primaryClass": "cs.LG",
    }


WCONV: Final = Source(
    "wconv",
    "misc",
    ("docs/theory.md",),
    {
        "author": "{The wconv developers}",
        "title": "{wconv}: numerical verification of the convergence theory of {Wasserstein} policy "
        "gradient methods",
        "note": f"Software, version {__version__}",
    },
)
"""The toolkit itself: its documents hold the proofs, its checks the evidence."""

SOURCES: Final = (
    Source(
        "wpg",
        "misc",
        ("Wasserstein policy gradient",),
        _arxiv(
            "Zhu, Zhaoyu and Gao, Rui and Li, Shuang",
            "Global Convergence of {Wasserstein} Policy Gradient for Entropy-Regularized Reinforcement "
            "Learning",
            "2605.26078",
        ),
    ),
    Source(
        "wppg",
        "misc",
        ("Wasserstein proximal policy gradient", "proximal paper"),
        _arxiv(
            "Zhu, Zhaoyu and Zhang, Shuhan and Gao, Rui and Li, Shuang",
            "{Wasserstein} Proximal Policy Gradient",
            "2603.02576",
        ),
    ),
    Source(
        "bakry-emery-1985",
        "incollection",
        ("Bakry, Émery",),
        {
            "author": r"Bakry, Dominique and {\'E}mery, Michel",
            "title": "Diffusions hypercontractives",
            "booktitle": r"S{\'e}minaire de Probabilit{\'e}s {XIX}, 1983/84",
            "series": "Lecture Notes in Mathematics",
            "volume": "1123",
            "pages": "177--206",
            "publisher": "Springer",
            "year": "1985",
        },
    ),
    Source(
        "holley-stroock-1987",
        "article",
        ("Holley, Stroock",),
        {
            "author": "Holley, Richard and Stroock, Daniel",
            "title": "Logarithmic {Sobolev} inequalities and stochastic {Ising} models",
            "journal": "Journal of Statistical Physics",
            "volume": "46",
            "pages": "1159--1194",
            "year": "1987",
        },
    ),
    Source(
        "otto-villani-2000",
        "article",
        ("Otto, Villani",),
        {
            "author": r"Otto, Felix and Villani, C{\'e}dric",
            "title": "Generalization of an inequality by {Talagrand} and links with the logarithmic "
            "{Sobolev} inequality",
            "journal": "Journal of Functional Analysis",
            "volume": "173",
            "pages": "361--400",
            "year": "2000",
        },
    ),
    Source(
        "gozlan-roberto-samson-2011",
        "article",
        ("Gozlan, Roberto, Samson",),
        {
            "author": "Gozlan, Nathael and Roberto, Cyril and Samson, Paul-Marie",
            "title": "A new characterization of {Talagrand}'s transport-entropy inequalities and "
            "applications",
            "journal": "The Annals of Probability",
            "volume": "39",
            "pages": "857--880",
            "year": "2011",
        },
    ),
    Source(
        "menz-schlichting-2014",
        "article",
        ("Menz, Schlichting",),
        {
            "author": r"Menz, Georg and Schlichting, Andr{\'e}",
            "title": r"Poincar{\'e} and logarithmic {Sobolev} inequalities by decomposition of the energy "
            "landscape",
            "journal": "The Annals of Probability",
            "volume": "42",
            "pages": "1809--1884",
            "year": "2014",
        },
    ),
    WCONV,
)
"""All entries; the toolkit's comes last."""


def sources_of(reference: str) -> tuple[list[Source], list[str]]:
    """The entries that a Reference section names, in its order, and its parts that name none of them."""
    found: list[Source] = []
    unknown = []
    for part in re.split(r";\s+", " ".join(reference.split()).removesuffix(".")):
        named = [source for source in SOURCES if any(name in part for name in source.named)]
        found += [source for source in named if source not in found]
        if not named:
            unknown.append(part)
    return found, unknown


def cite(id: str, *, checks: str | None = None) -> str:
    """BibTeX entries for what a statement refers to, and for wconv, whose evidence it is.

    The first lines are comments: where in the sources the statement is, and what has no entry here.

    Args:
        id: of a statement, such as "wpg-exp".
        checks: a file or folder of your own checks instead of the built-in and installed ones.

    Raises:
        InputError: an unknown id, listing the valid ones.

    """
    known = discover(checks)
    statement = known[require.choice("check", id, known)].statement
    reference = " ".join(statement.sections["Reference"].split())
    found, unknown = sources_of(reference)
    comments = [f"% {id}: {reference}", *(f"% no entry for: {part}" for part in unknown)]
    entries = [source.bibtex for source in found if source is not WCONV] + [WCONV.bibtex]
    return "\n".join(comments) + "\n\n" + "\n\n".join(entries)
