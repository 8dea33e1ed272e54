"""Results as files: JSON (and its reader), CSV, JUnit XML, LaTeX. Written whole or not at all."""

import csv
import io
import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from wconv import _require as require
from wconv._files import atomic_write
from wconv.report import format as fmt
from wconv.report.schema import Report, Result
from wconv.report.sound import first_of, refuse_unsound

CSV_FIELDS: Final = (
    "id",
    "instance",
    "parameters",
    "policies",
    "start",
    "role",
    "name",
    "expected",
    "verdict",
    "as_expected",
    "tag",
    "margin",
    "margin_error",
    "tightness",
    "tightness_error",
    "teeth",
    "grade",
    "points",
    "message",
    "seconds",
    "reproduce",
)


def to_json(report: Report) -> str:
    """The whole report as JSON; infinities and NaN as strings."""
    return report.model_dump_json(by_alias=True, indent=1) + "\n"


def from_json(text: str | bytes) -> Report:
    """Read a report back.

    Raises:
        InputError: not a report of this schema, or none that a run can have written.
    """
    try:
        report = Report.model_validate_json(text)
    except ValueError as error:
        require.fail("results file", "be a wconv report", first_of(error), "write it with --json")
    refuse_unsound(report)
    return report


def to_csv(report: Report) -> str:
    """One row a result."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    for result in report.results:
        row = {name: getattr(result, name) for name in CSV_FIELDS}
        row |= {"parameters": fmt.parameters(result.parameters), "teeth": fmt.teeth(result.teeth)}
        writer.writerow(row)
    return out.getvalue()


_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def to_junit(report: Report) -> str:
    """A JUnit test suite: a result that is not as expected is a failure, an ERROR an error."""
    results = report.results
    bad = [r for r in results if not r.as_expected]
    errors = [r for r in bad if r.verdict == "ERROR"]
    suite = ElementTree.Element(
        "testsuite",
        name="wconv",
        tests=str(len(results)),
        errors=str(len(errors)),
        failures=str(len(bad) - len(errors)),
        time=f"{sum(r.seconds for r in results):.3f}",
    )
    for result in results:
        control = f" control: {result.name}" if result.role == "control" else ""
        node = ElementTree.SubElement(
            suite,
            "testcase",
            classname=result.id,
            name=fmt.subject(result) + control,
            time=f"{result.seconds:.3f}",
        )
        if not result.as_expected:
            kind = "error" if result.verdict == "ERROR" else "failure"
            detail = ElementTree.SubElement(
                node, kind, message=f"{result.verdict}: {result.message}"
            )
            detail.text = result.reproduce
    ElementTree.indent(suite)
    text = ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)
    return _NOT_XML.sub("?", text) + "\n"


def to_latex(report: Report) -> str:
    """A booktabs table of the cases with their margins, tightness and teeth."""
    rows = [
        " & ".join(
            _tex(cell)
            for cell in (
                r.id,
                fmt.subject(r),
                r.verdict.lower(),
                r.tag,
                fmt.with_error(r.margin, r.margin_error),
                fmt.with_error(r.tightness, r.tightness_error, 4),
                fmt.teeth(r.teeth),
            )
        )
        + r" \\"
        for r in report.results
        if r.role == "case"
    ]
    head = r"check & instance & verdict & tag & margin & tightness & teeth \\"
    lines = [
        r"\begin{tabular}{llllrrr}",
        r"\toprule",
        head,
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


_TEX: Final = {letter: "\\" + letter for letter in "_%&#${}"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


WRITERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "json": to_json,
    "csv": to_csv,
    "junit": to_junit,
    "latex": to_latex,
}
"""Format name to writer."""


def check_writable(paths: Sequence[Path]) -> None:
    """Refuse output paths that cannot be written, or name one file twice, before any work is done."""
    for path in paths:
        if not path.parent.is_dir():
            require.fail(
                "output path", "lie in an existing folder", str(path), "create the folder first"
            )
        if path.exists() and not path.is_file():
            require.fail("output path", "be a plain file", str(path), "add a file name")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            require.fail("output path", "be writable", str(path), "choose another place")
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        require.fail("output paths", "differ", [str(p) for p in paths], "give each format its own")


def write(report: Report, outputs: Mapping[str, Path]) -> None:
    """Write the report in each of the formats named, atomically."""
    for kind, path in outputs.items():
        atomic_write(path, WRITERS[kind](report).encode())


def read_report(path: str | os.PathLike[str]) -> Report:
    """The report that ``wconv check --json`` wrote.

    Raises:
        InputError: not a path, no file there, or not a report as for ``from_json``.

    """
    if not isinstance(path, str | os.PathLike):
        require.fail("results file", "be given by its path", type(path).__name__, "name a file")
    if not Path(path).is_file():
        require.fail("results file", "exist", str(path), "check the path")
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        require.fail("results file", "be readable", f"{path}: {error.strerror}", "check the path")
    try:
        return from_json(text)
    except require.InputError as error:
        raise require.InputError(f"{path}: {error}") from error


def read_results(path: str | os.PathLike[str]) -> list[Result]:
    """The results of a JSON file that ``wconv check --json`` wrote; refused as by ``read_report``."""
    return read_report(path).results
