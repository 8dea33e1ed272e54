"""The page in a browser: silent, asks for nothing, filters and sorts, fits a telephone, prints whole."""

import json
import os
import select
import shutil
import subprocess
from itertools import pairwise

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from wconv.report.inline_svg import inline_svg
from wconv.report.page import Page, page_html
from wconv.report.schema import Report, Result
from wconv.theory.registry import discover

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="not run: no Chromium")

FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-sync", "--disable-background-networking", "--disable-component-update"),
    "--remote-debugging-pipe",
]
PATIENCE = 60.0
"""Seconds that one answer may take on a busy machine."""


class Browser:
    """Chromium without a window, driven through its debugging pipe (messages that end in a zero byte)."""

    def __init__(self, profile):
        theirs, self.out = os.pipe()
        self.back, answers = os.pipe()
        plug = f'exec "$@" 3<&{theirs} 4>&{answers}'  # the ends that the flag speaks of
        command = ["bash", "-c", plug, "bash", CHROMIUM, *FLAGS, f"--user-data-dir={profile}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(
            [*command, "about:blank"], pass_fds=(theirs, answers), **quiet
        )
        os.close(theirs)
        os.close(answers)
        self.number, self.rest, self.session, self.events = 0, b"", None, []

    def attach(self):
        targets = self("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while (answer := self.read()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def read(self):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.back], [], [], PATIENCE)
            piece = os.read(self.back, 1 << 20) if ready else b""
            assert piece, "Chromium does not answer"
            self.rest += piece
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def open(self, address, width=1200):
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self("Emulation.setDeviceMetricsOverride", **screen)
        self.events.clear()
        self("Page.navigate", url=address)
        while "Page.loadEventFired" not in self.seen():
            self.events.append(self.read())

    def seen(self):
        return [event.get("method") for event in self.events]

    def ask(self, expression):
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def close(self):
        os.close(self.out)  # which ends it, as nobody is left to drive it
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            os.close(self.back)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    try:
        browser.attach()
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page of all statements: three results each, a figure at the first."""
    claim = {
        "name": "E_{k+1} <= (1 - (1-gamma)c) E_k + tau (delta + I_k) / (1-gamma)" * 2, "verdict": "HOLDS",
        "tag": "conservative", "message": "", "margin": 0.1, "margin_error": 1e-3, "tightness": 0.9,
        "teeth": {"C_LS": 0.999}, "points": 20, "resolved": 20, "errors": {"lhs: rounding": 1e-16},
        "where": {"policy": "near-optimal", "lhs": 0.9, "rhs": 1.0},
    }  # fmt: skip
    case = {
        "instance": "tilted-double-well", "parameters": {"temperature": 0.01, "discount": 0.995},
        "policies": "mixed", "role": "case", "name": "", "expected": "HOLDS", "as_expected": True,
        "verdict": "HOLDS", "tag": "conservative", "margin": 0.1, "margin_error": 1e-3,
        "tightness": 0.9, "teeth": {"C_LS": 0.9}, "grade": "C", "where": {}, "errors": {}, "points": 1,
        "hypotheses": [{"name": "H1", "holds": True, "detail": "C = 1"}], "claims": [claim],
        "message": "", "seconds": 1.0, "reproduce": "wconv check --set temperature=0.01 --start pushed",
    }  # fmt: skip
    special = [
        {"margin": float("nan"), "verdict": "INAPPLICABLE", "expected": "INAPPLICABLE"},
        {"role": "control", "name": "constant too small", "verdict": "VIOLATED", "margin": -0.5},
    ]
    results = [
        Result(**case | {"id": id, "margin": 1.0 / (n + 1)} | more)
        for n, id in enumerate(discover())
        for more in ({}, *special)
    ]
    with mpl.rc_context():
        figure = Figure(figsize=(10, 3))
        figure.subplots(1, 2)[0].plot([1, 2], [3, 4])
    svg = inline_svg(figure, "f0", "a figure")
    report = Report(schema=1, environment={"python": "3.11"}, results=results)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page_html(Page(report, discover(), "Of a test.", {0: svg})))
    return path.as_uri()


def test_it_is_silent_and_asks_for_nothing(browser, address):
    browser.open(address)
    loud = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
    assert [event for event in browser.events if event.get("method") in loud] == []
    asked = [e["params"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    assert [request["request"]["url"] for request in asked] == [address]


def test_filters_and_sorting(browser, address):
    browser.open(address)
    browser.ask("""
        var rows = () => [...document.querySelectorAll("#verdicts tbody tr")];
        var shown = () => rows().filter((row) => row.offsetParent).length;
        var choose = (name, value) => {
          const field = document.querySelector(`.filters [name=${name}]`);
          field.value = value;
          field.dispatchEvent(new Event("input", {bubbles: true}));
          return shown();
        };
    """)
    count = len(discover())
    assert browser.ask("shown()") == 3 * count
    assert browser.ask('choose("verdict", "VIOLATED")') == count
    assert browser.ask('choose("role", "case")') == 0
    assert browser.ask('choose("verdict", "")') == 2 * count
    assert browser.ask('choose("text", "WPG-EXP inapplicable")') == 1
    assert browser.ask('document.querySelector("#shown").textContent') == f"1 of {3 * count} shown"
    browser.ask('document.querySelector(".filters [type=reset]").click()')
    wpg = sum(check.chapter == "wpg" for check in discover().values())
    assert browser.ask('choose("chapter", "wpg")') == 3 * wpg
    for direction in ("ascending", "descending"):
        browser.ask('document.querySelector("th[data-sort=margin] button").click()')
        margins = [float(m) for m in browser.ask("rows().map((row) => row.dataset.margin)")]
        known, unknown = margins[: 2 * count], margins[2 * count :]
        assert all(m != m for m in unknown)
        assert all((a <= b) == (direction == "ascending") or a == b for a, b in pairwise(known))
        assert browser.ask('document.querySelector("th[data-sort=margin]").ariaSort') == direction


def test_nothing_is_wider_than_a_telephone(browser, address):
    browser.open(address, width=375)
    browser.ask('document.querySelectorAll("details").forEach((fold) => (fold.open = true))')
    wide = """[...document.querySelectorAll("body *")]
        .filter((e) => !e.closest(".box") && !e.closest(".skip") && e.getBoundingClientRect().right > 375)
        .map((e) => [e.closest("article")?.id, e.tagName, e.textContent.slice(0, 60)])"""
    assert browser.ask(wide) == []
    assert browser.ask("document.documentElement.scrollWidth") <= 375
    assert browser.ask('document.querySelector("figure svg").getBoundingClientRect().width') > 375


def test_links_lead_to_theorems_and_the_keyboard_gets_everywhere(browser, address):
    browser.open(address)
    assert browser.ask('document.querySelectorAll("details[open]").length') == 0
    for kind in ("keyDown", "keyUp"):
        browser("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
    assert browser.ask("document.activeElement.className") == "skip"
    boxes = (
        '[...document.querySelectorAll(".box")].every((box) => box.tabIndex === 0 && box.ariaLabel)'
    )
    assert browser.ask(boxes) is True
    browser.ask('document.querySelector("#verdicts tbody a").click()')
    first = next(iter(discover()))
    top = f'document.getElementById("{first}").getBoundingClientRect().top'
    assert browser.ask("location.hash") == f"#{first}"
    assert 0 <= browser.ask(top) < 100


def test_print_shows_everything_and_no_controls(browser, address):
    browser.open(address)
    folded = 'document.querySelector("#wpg-exp details table").checkVisibility()'
    assert browser.ask(folded) is False
    browser("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.ask(folded) is True
        hidden = (
            '[...document.querySelectorAll(".filters, .copy")].every((e) => !e.checkVisibility())'
        )
        assert browser.ask(hidden) is True
        flows = 'getComputedStyle(document.querySelector("#verdicts .box")).overflowY'
        assert browser.ask(flows) == "visible"
    finally:
        browser("Emulation.setEmulatedMedia", media="")


def test_without_javascript_everything_is_open_and_no_dead_control_is_shown(browser, address):
    browser("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(address)
        closed = 'document.querySelectorAll("details:not([open])").length'
        assert browser.ask(closed) == 0
        assert browser.ask('document.querySelector(".filters").checkVisibility()') is False
        assert browser.ask('document.querySelectorAll("button:not([type=reset])").length') == 0
    finally:
        browser("Emulation.setScriptExecutionDisabled", value=False)
