"""Formulas written in Unicode, token by token, with the LaTeX of each: what is a letter, what a word."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

FUNCTIONS: Final = frozenset(
    {
        "KL",
        "Var",
        "argmax",
        "argmin",
        "cos",
        "det",
        "diag",
        "div",
        "exp",
        "inf",
        "log",
        "max",
        "min",
    }
    | {"osc", "sin", "specrad", "sup", "tr"}
)
SCRIPT_NAMES: Final = ("Leb", "LS", "max", "min", "osc")
GREEK: Final = {
    chr(code): "\\" + {"lamda": "lambda", "phi": "varphi", "epsilon": "varepsilon"}.get(name, name)
    for code in (*range(0x3B1, 0x3C2), *range(0x3C3, 0x3CA))
    if (name := unicodedata.name(chr(code)).split()[-1].lower()) != "omicron"
} | {capital: f"\\{name}" for capital, name in zip(
    "ΓΔΘΛΞΠΣΥΦΨΩ",
    ("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"),
    strict=True,
)}  # fmt: skip
SYMBOLS: Final = {"∫": r"\int", "∂": r"\partial", "∇": r"\nabla", "∞": r"\infty", "ℓ": r"\ell"} | {
    "𝒦": r"\mathcal{K}", "½": r"\text{½}", "⅓": r"\text{⅓}", "¼": r"\text{¼}", "⅔": r"\text{⅔}"
}  # fmt: skip
RELATIONS: Final = {"=": "=", "<": "<", ">": ">", "≤": r"\le", "≥": r"\ge", "∝": r"\propto"} | {
    "→": r"\to", "↦": r"\mapsto", "←": r"\leftarrow", "≪": r"\ll", "≫": r"\gg", "∈": r"\in",
    "~": r"\thicksim", "≈": r"\approx", "⇒": r"\Rightarrow", "≠": r"\ne",
}  # fmt: skip
OPERATORS: Final = {"+": "+", "−": "-", "·": r"\cdot", "×": r"\times", "±": r"\pm", "/": "/"} | {
    "∘": r"\circ", "⊗": r"\otimes"
}  # fmt: skip
RAISED: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀ", "0123456789+-T", strict=True))
ACCENTS: Final = {"\u0302": r"\hat", "\u0307": r"\dot", "\u0304": r"\bar"}
OPEN: Final = {"(": "(", "[": "[", "{": r"\{", "⟨": r"\langle"}
CLOSE: Final = {")": ")", "]": "]", "}": r"\}", "⟩": r"\rangle"}
BARS: Final = {"|": "|", "‖": r"\Vert"}
LETTERS: Final = {**GREEK, **SYMBOLS}

WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]{2,}|['’]s\b|-[^\W\d_]\b)*")
RUN: Final = re.compile(r"[A-Za-z]+")
NAME: Final = re.compile(r"[A-Z]\d+(?![\w^])")
NUMBER: Final = re.compile(r"\d*\.\d+|\d+")
SMALL: Final = frozenset(
    {"an", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it", "me", "my", "no", "of"}
    | {
        "on",
        "or",
        "so",
        "to",
        "up",
        "us",
        "we",
        "An",
        "As",
        "At",
        "By",
        "If",
        "In",
        "Is",
        "It",
        "No",
    }
    | {"Of", "On", "Or", "So", "To"}
)
SCRIPTED: Final = frozenset({"_", "^", *RAISED})
FOLLOWS_A_NAME: Final = frozenset(
    {"and", "are", "as", "at", "by", "from", "in", "is", "of", "on", "or", "to", "with"}
)
"""Words after which an "a" before them was no article."""

Kind = Literal["math", "number", "relation", "operator", "open", "close", "comma", "space", "prose"]


class Token(NamedTuple):
    """A piece of text with what it is and, unless it is prose or a space, its LaTeX."""

    kind: Kind
    text: str
    latex: str = ""


def to_latex(formula: str) -> str:
    """The LaTeX of a formula written in Unicode: scripts in braces, Greek letters by name."""
    reader = Reader(unicodedata.normalize("NFC", formula), pure=True)
    return joined(reader.tokens())


def joined(tokens: Sequence[Token]) -> str:
    """LaTeX of a formula; a space between two factors stays a thin one."""
    out = ""
    for k, token in enumerate(tokens):
        if token.kind != "space":
            out += token.latex + (" " if token.latex[-1:].isalpha() else "")
        elif 0 < k < len(tokens) - 1:
            factors = {tokens[k - 1].kind, tokens[k + 1].kind} <= {
                "math",
                "number",
                "open",
                "close",
            }
            out += r"\;" if factors else " "
    return out.strip()


class Reader:
    """Cuts a text into tokens; ``pure`` in a script or under a root, where there are no words."""

    def __init__(self, text: str, *, pure: bool = False) -> None:
        self.text, self.pure, self.at = text, pure, 0

    def tokens(self) -> list[Token]:
        """All tokens; their texts put together are the text."""
        found: list[Token] = []
        while self.at < len(self.text):
            start = self.at
            kind, latex = self._next(found[-1] if found else None)
            found.append(Token(kind, self.text[start : self.at], latex))
        return found

    def _next(self, before: Token | None) -> tuple[Kind, str]:
        letter, rest = self.text[self.at], self.text[self.at :]
        if space := re.match(r"\s+", rest):
            return self._take(space.end(), "space")
        if prose := re.match(r"`[^`]*`|\(H\d+\)", rest):
            return self._take(prose.end(), "prose")
        if number := NUMBER.match(rest):
            self.at += number.end()
            latex = self._scripts(number[0])
            return ("math" if latex != number[0] else "number"), latex
        for kind, table in _TABLES:
            if letter in table:
                self.at += 1
                return kind, table[letter]
        if letter in BARS or letter in CLOSE:
            self.at += 1
            latex = self._scripts({**BARS, **CLOSE}[letter])
            return ("math" if letter in BARS else "close"), latex
        if letter == "√":
            return "math", self._root()
        if self._is_letter(letter):
            return self._letters(before)
        if letter == "-" and self.pure:
            return self._take(1, "operator", "-")
        return self._take(1, "prose")

    def _take(self, count: int, kind: Kind, latex: str = "") -> tuple[Kind, str]:
        self.at += count
        return kind, latex

    def _is_letter(self, letter: str) -> bool:
        return letter in LETTERS or letter.isalpha()

    def _letters(self, before: Token | None) -> tuple[Kind, str]:
        """A word, or the next letter or function of a product."""
        rest = self.text[self.at :]
        run = RUN.match(rest)
        word = WORD.match(rest)
        if run is None:
            base = unicodedata.normalize("NFD", rest[0])
            if rest[0] in LETTERS or base[-1] in ACCENTS:
                return "math", self._atom()
        elif self.pure or self._is_product(run[0], before):
            return "math", self._atom()
        elif word and self._is_enclosed(word.end()):
            return self._take(word.end(), "math", rf"\text{{{word[0]}}}")
        found = NAME.match(rest) or word
        return self._take(found.end() if found else 1, "prose")

    def _is_enclosed(self, length: int) -> bool:
        """Whether a word stands for a quantity, as in sup|noise|."""
        around = self.text[max(self.at - 2, 0) : self.at + length + 1]
        return bool(re.match(r"[^\s\w][|⟨(∇]|[a-z][|(]", around)) and around[-1] in "|⟩),"

    def _is_product(self, run: str, before: Token | None) -> bool:
        """Whether a run of letters is a variable, a function or a product rather than a word."""
        rest = self.text[self.at + len(run) :]
        touches = _touches(before)
        if len(run) > 1 and re.match(r"[-’][A-Za-z]", rest):
            return False  # log-Sobolev
        if NAME.match(run + rest) and not touches:
            return False
        if run in FUNCTIONS or (run[0] == "d" and run[1:] in FUNCTIONS):
            return True
        if rest[:1] in SCRIPTED or (rest and unicodedata.combining(rest[0])):
            return True
        if len(run) == 1:
            return touches or run not in "aA" or not _is_article(rest)
        if touches:
            return len(run) < 4 and run not in {"st", "nd", "rd", "th"}
        if len(run) == 2 and re.search(r"[^\s(][(\[]$", self.text[: self.at]):
            return True  # N(Kx, Σ)
        if run.isupper() and self.text[self.at - 1 : self.at] in OPEN and rest[:1] in CLOSE:
            return True
        return len(run) == 2 and run not in SMALL and self._is_pair(run[0], rest)

    def _is_pair(self, first: str, rest: str) -> bool:
        """Whether two letters that are no small word are a product or a differential."""
        signs = {*RELATIONS, *OPERATORS}
        left, right = self.text[: self.at].rstrip()[-1:], rest.lstrip()[:1]
        beside = (left in signs and left != "") or (right in signs and right != "")
        return first == "d" or beside or bool(re.match(r"\(|'(?![a-z])", rest))

    def _atom(self) -> str:
        """LaTeX of one letter or function with its accents and scripts."""
        rest = self.text[self.at :]
        run = RUN.match(rest)
        if run and run[0] in FUNCTIONS:
            base = rf"\text{{{run[0]}}}"
            self.at += run.end()
        elif (
            run
            and len(run[0]) > 2
            and run[0].islower()
            and rest[run.end() : run.end() + 1] in SCRIPTED
        ):
            base = rf"\text{{{run[0]}}}"  # gap_k
            self.at += run.end()
        else:
            base = self._letter()
        return self._scripts(base)

    def _letter(self) -> str:
        decomposed = unicodedata.normalize("NFD", self.text[self.at])
        self.at += 1
        letter, marks = decomposed[0], decomposed[1:]
        while self.at < len(self.text) and unicodedata.combining(self.text[self.at]):
            marks += self.text[self.at]
            self.at += 1
        latex = LETTERS.get(letter, letter)
        if letter == "Σ" and self.text[self.at : self.at + 1] == "_":
            latex = r"\sum"
        for mark in marks:
            latex = rf"{ACCENTS[mark]}{{{latex}}}" if mark in ACCENTS else latex + mark
        return latex

    def _scripts(self, base: str) -> str:
        """A base with what is written below and above it."""
        below = above = ""
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign in "_^" and self.at + 1 < len(self.text):
                self.at += 1
                script = self._script(prime=sign == "_" and base in (r"\sum", r"\text{max}"))
                below, above = (below + script, above) if sign == "_" else (below, above + script)
            elif sign in RAISED:
                above += RAISED[sign]
                self.at += 1
            elif sign == "'" and (self.pure or not re.match(r"'[a-z]{2,}", self.text[self.at :])):
                above += r"\prime "
                self.at += 1
            elif sign == "*":
                above += "*"
                self.at += 1
            else:
                break
        return base + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")

    def _script(self, *, prime: bool) -> str:
        """What stands after "_" or "^"."""
        if self.text[self.at] == "{":
            end = _closing(self.text, self.at)
            inner = self.text[self.at + 1 : end]
            self.at = end + 1
            return to_latex(inner)
        rest = self.text[self.at :]
        for name in SCRIPT_NAMES:
            if rest.startswith(name):
                self.at += len(name)
                return rf"\text{{{name}}}"
        if number := re.match(r"\d+", rest):
            self.at += number.end()
            return number[0]
        if rest[0] in "#*":
            self.at += 1
            return r"\#" if rest[0] == "#" else "*"
        latex = self._letter()
        if prime and self.text[self.at : self.at + 1] == "'":
            self.at += 1
            latex += "^{\\prime }"
        return latex

    def _root(self) -> str:
        self.at += 1
        if self.text[self.at : self.at + 1] == "(":
            end = _closing(self.text, self.at)
            inner = self.text[self.at + 1 : end]
            self.at = end + 1
            return self._scripts(rf"\sqrt{{{to_latex(inner)}}}")
        number = NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return rf"\sqrt{{{number[0]}}}"
        return rf"\sqrt{{{self._atom()}}}" if self.text[self.at :].strip() else r"\surd"


_TABLES: Final[Sequence[tuple[Kind, dict[str, str]]]] = (
    ("relation", RELATIONS),
    ("operator", OPERATORS),
    ("open", OPEN),
    ("comma", {",": ",", ";": ";"}),
    ("number", {"…": r"\ldots"}),
)


def _touches(before: Token | None) -> bool:
    """Whether the token before, with no space in between, is part of a formula."""
    return before is not None and before.kind in ("math", "number", "close")


def _is_article(rest: str) -> bool:
    """Whether an "a" stands before a word, or before a formula it is the article of."""
    if not rest.startswith(" "):
        return False
    word = WORD.match(rest.lstrip())
    if word and len(word[0]) > 1:
        return word[0] not in FOLLOWS_A_NAME and word[0] not in FUNCTIONS
    return bool(re.match(r"[\w`]", rest.lstrip()))


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at ``start`` closes; the end of the text if it does not."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "({[") - (text[at] in ")}]")
        if depth == 0:
            return at
    return len(text)
