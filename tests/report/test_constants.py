"""The table and the figure of constants, from records made by hand."""

import numpy as np
import pytest

from wconv._require import InputError
from wconv.constants.record import Side, Witness, constant
from wconv.report.constants import constants_table, outward, resolved_digits
from wconv.report.constants_plot import plot_constants
from wconv.report.table import as_text

HEAVY = "tails like e^-|x|^1.5"
x = np.linspace(-3.0, 3.0, 201)


def side(values, method, rigor="numerical"):
    return Side(np.array(values, dtype=float), rigor, method)


def made(symbol, lower, upper, reasons=("", "")):
    low = np.max([s.value for s in lower], axis=0)
    high = np.min([s.value for s in upper], axis=0)
    wave = Witness(np.stack([x, x]), np.stack([np.tanh(x), np.exp(x)]))
    return constant(
        symbol, lower, upper, estimate=np.where(np.isinf(high), low, (low + high) / 2),
        witness=wave, reasons=reasons,
    )  # fmt: skip


C_P = made(
    "C_P",
    [side([0.45777001873, 3.85], "Collatz–Wielandt"), side([0.2, 1.0], "Muckenhoupt")],
    [side([0.45777001874, 4.01], "Collatz–Wielandt"), side([1.064, 8.0], "Muckenhoupt")],
)
C_LS = made(
    "C_LS",
    [side([0.57634759, 8.7], "extremal"), side([0.2788, 3.0], "Barthe–Roberto")],
    [
        side([0.577, np.inf], "scan", "sharp-numerical"),
        side([1.964, np.inf], "Barthe–Roberto"),
        side([np.inf, np.inf], "Bakry–Émery"),
    ],
    reasons=("", HEAVY),
)


def lines(constants, width, **options):
    text = as_text(constants_table(constants, width, **options), width)
    assert max(map(len, text.splitlines())) <= width
    return [line.split() for line in text.splitlines()]


def test_rows_show_what_is_resolved_rounded_outwards():
    rows = lines([C_P, C_LS], 130)
    assert rows[0] == ["state", "constant", "lower", "estimate", "upper", "width", "below", "above"]
    assert rows[1][:3] == ["0", "C_P", "0.45777001873"]
    assert rows[1][4:6] == ["0.45777001874", "2e-11"]
    assert rows[2][:5] == ["C_LS", "0.5763", "0.5767", "0.577", "0.001"]
    assert rows[2][5:] == ["extremal", "(numerical)", "scan", "(sharp-numerical)"]
    assert rows[3][:5] == ["1", "C_P", "3.85", "4.01", "0.04"]
    assert rows[4][:5] == ["C_LS", "8.7", "8.7", "inf", "-"]
    assert " ".join(rows[4]).endswith(HEAVY)


def test_narrow_table_keeps_the_numbers_and_rigors():
    rows = lines([C_P, C_LS], 80)
    assert rows[0] == ["state", "constant", "lower", "upper", "width", "below", "/", "above"]
    assert rows[2] == ["C_LS", "0.5763", "0.577", "0.001", "numerical", "/", "sharp-numerical"]
    assert HEAVY in " ".join(rows[4] + rows[5])


def test_a_narrow_table_gives_up_the_width_before_it_breaks_a_word():
    long = made(
        "C_P",
        [side([0.123456789012, 1.0], "witness", "sharp-numerical")],
        [side([0.123456789013, 2.0], "scan", "sharp-numerical")],
    )
    rows = lines([long], 60)
    assert rows[0] == ["state", "constant", "lower", "upper", "below", "/", "above"]
    assert rows[1] == ["0", "C_P", "0.123456789012", "0.123456789013", "sharp-numerical"]
    assert rows[2] + rows[3] == ["/", "sharp-numerical"]


def test_one_density_with_all_criteria_and_labels():
    rows = lines([C_LS[0]], 130, criteria=True)
    assert [row[0] for row in rows[1:]] == ["C_LS", "0.2788", "1.964"]
    assert rows[2][1:] == ["Barthe–Roberto", "(numerical)"]
    text = as_text(constants_table([C_LS[0]], 80, criteria=True), 80)
    assert "Bakry" not in text  # it gives nothing here
    rows = lines([C_P], 130, labels=("left", "right"))
    assert [row[0] for row in rows[1:]] == ["left", "right"]


@pytest.mark.parametrize(
    ("value", "digits", "down", "up"),
    [
        (0.123456789, 3, "0.123", "0.124"),
        (8.7, 6, "8.7", "8.7"),
        (1234567.0, 3, "1.23e+06", "1.24e+06"),
        (np.inf, 3, "inf", "inf"),
        (0.0, 3, "0", "0"),
    ],
)
def test_bounds_round_to_their_own_side(value, digits, down, up):
    assert outward(value, digits, up=False) == down
    assert outward(value, digits, up=True) == up


def test_digits_follow_the_width():
    assert [resolved_digits(w) for w in (0.0, 1e-15, 1e-9, 0.1, 0.9, np.nan)] == [
        12,
        12,
        10,
        3,
        3,
        6,
    ]


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_figure_is_written_whole(tmp_path, kind):
    path = tmp_path / f"figure.{kind}"
    plot_constants(path, x, -(x**2) / 2, [C_P[0], C_LS[0]], title="$N(0, 1)$")
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n" if kind == "png" else b"%PDF")
    assert len(data) > 10_000
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_panels_show_the_data(monkeypatch, tmp_path):
    from matplotlib.figure import Figure

    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: kept.append(self))
    infinite = made("C_T", [side([np.inf] * 2, "tails")], [side([np.inf] * 2, "nothing")])
    with np.errstate(divide="ignore"):
        logp = np.log(np.maximum(1 - np.abs(x) / 2, 0.0))
    plot_constants(tmp_path / "f.png", x, logp, [C_P[0], infinite[0], C_LS[1]])
    density, bounds, extremal, potential = kept[0].axes
    (line,) = density.get_lines()
    p = line.get_ydata()
    assert abs(np.trapezoid(p, x) - 1) <= 1e-12
    assert p[0] == 0
    assert potential.get_lines()[0].get_ydata().min() == 0
    curves = [line.get_ydata() for line in extremal.get_lines() if len(line.get_xdata()) == len(x)]
    assert [(len(curve), curve.max()) for curve in curves] == [(len(x), 1.0)] * 3
    names = [label.get_text() for label in bounds.get_yticklabels()]
    assert names[1:3] == ["Collatz–Wielandt", "Muckenhoupt"]
    assert len(names) == 7  # C_P and two methods, C_T, C_LS and two methods
    shown = {float(v) for line in bounds.get_lines() for v in np.atleast_1d(line.get_xdata())}
    assert {0.2, 1.064, 0.45777001873, 8.7, 3.0} <= shown
    assert np.isfinite(list(shown)).all()
    assert sum(text.get_text() == "∞" for text in bounds.texts) == 2
    assert bounds.get_xscale() == "log"


def test_bad_input_is_named(tmp_path):
    path = tmp_path / "f.png"
    with pytest.raises(InputError, match="file ending must be a known name, got 'jpg'"):
        plot_constants(tmp_path / "f.jpg", x, x, [C_P[0]])
    with pytest.raises(InputError, match="x and log_density must have one shape"):
        plot_constants(path, x, x[:-1], [C_P[0]])
    with pytest.raises(InputError, match="constants must be of one density"):
        plot_constants(path, x, x, [C_P])
    with pytest.raises(InputError, match=r"path .* must be writable"):
        plot_constants(tmp_path / "none" / "f.png", x, -(x**2), [C_P[0]])
    assert list(tmp_path.iterdir()) == []
