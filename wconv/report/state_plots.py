"""A figure of a solved problem with continuous states: its value, and what its policy does."""

from math import isclose, pi
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from wconv import _require as require
from wconv._axes import Array
from wconv.report.style import MEASURED, PAGE, PROVED, SEVERAL, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TAILS: Final = (0.05, 0.95)
"""Quantiles drawn of an action in one dimension."""

VAGUE: Final = 0.02
"""A centre of mass on the unit circle that is closer to its middle has no direction to speak of."""

ARROWS: Final = 15
"""At most so many along an axis."""

PLACES: Final = ("A", "B", "C")
"""Names of the states whose policies are drawn: the best, the median and the worst by value."""

ABOVE: Final[Any] = {
    "loc": "lower right",
    "bbox_to_anchor": (1.0, 1.0),
    "ncols": 3,
    "borderaxespad": 0.1,
    "columnspacing": 0.8,
}
"""A legend beside the title."""

LIGHT, DARK, TWO_SIDED, ROUND = "Blues", "viridis", "PuOr", "twilight"
"""Maps that every kind of colour vision orders the same way; the last one closes."""


class SolutionLike(Protocol):
    """A solved problem."""

    @property
    def mdp(self) -> Any:
        """The problem, with its grids."""
        ...

    @property
    def V(self) -> Array:
        """(S,)."""
        ...

    @property
    def error(self) -> Array:
        """(S,)."""
        ...

    @property
    def policy(self) -> Any:
        """The Gibbs policy of V: masses ``pi`` and densities ``lebesgue``, (S, A) each."""
        ...


def plot_solution(solution: SolutionLike) -> "Figure":
    """The value and the policy of a solved problem with continuous states, on its nodes.

    One state variable: V* in the band of its certified error, and the density of the action over (x, a)
    with its mean and its 5 and 95 % quantiles (on a circle the mean direction, and quantiles of the way
    from it). Two: heat maps of V* and of the mean action, and the density of the action at the best, the
    median and the worst node by value. Actions in the plane: densities at these three nodes, and with two
    state variables arrows along the mean move E[f(x, a)] − x.

    The figure is matplotlib's: ``wc.plot_solution(wc.solve(mdp)).savefig("solution.png")``.

    Raises:
        InputError: what is no solution, states that are no nodes of a continuum or have more than two
            axes, actions that are a finite set or have more than two dimensions.

    """
    grid = _states_of(solution)
    actions = solution.mdp.grid
    from matplotlib.figure import Figure

    plane, wide = len(grid.axes) == 2, actions.dim == 2
    with house_style():
        figure = Figure(figsize=(PAGE, 4.6 if wide else 2.7), layout="constrained")
        if wide:
            halves: Any = figure.subfigures(2, 1)
            panels = [*_row(halves[0], 1 + plane), *_row(halves[1], 3)]
        else:
            panels = _row(figure, 2 + plane)
        chosen = _places(solution.V) if plane or wide else []
        _value(panels[0], solution, chosen)
        if wide:
            if plane:
                _moves(panels[1], solution, chosen)
            _squares(panels[-3:], solution, chosen)
        elif plane:
            _mean_action(panels[1], solution, chosen)
            _lines(panels[2], solution, chosen)
        else:
            _ribbon(panels[1], solution)
        for letter, axes in zip("abcde", panels, strict=False):
            axes.set_title(f"({letter}) {axes.get_title('left')}")
        figure.suptitle(
            _title(solution.mdp), x=0.01, ha="left", fontweight="bold", parse_math=False
        )
        figure.draw_without_rendering()  # places everything while the style is in force
    return figure


def _states_of(solution: SolutionLike) -> Any:
    """The grid of the states, of a problem that can be drawn."""
    if not hasattr(solution, "mdp"):
        require.fail("solution", "be of wc.solve", type(solution).__name__, "solve the MDP first")
    mdp = solution.mdp
    grid = getattr(mdp.smooth, "states", None)
    if grid is None:
        remedy = "make it by wc.discretise (files keep its tables, not its functions)"
        require.fail("mdp", "have continuous states", repr(mdp), remedy)
    if len(grid.axes) > 2:
        require.fail(
            "states", "have one or two axes", len(grid.axes), "draw sections of V yourself"
        )
    if mdp.grid.is_finite_set or mdp.grid.dim > 2:
        kind = "a finite set" if mdp.grid.is_finite_set else f"{mdp.grid.dim} dimensions"
        require.fail("actions", "be a line, a circle or a plane", kind, "draw its policy yourself")
    return grid


def _row(figure: Any, count: int) -> list[Any]:
    return list(figure.subplots(1, count, squeeze=False).ravel())


def _title(mdp: Any) -> str:
    shape = " x ".join(str(n) for n in mdp.smooth.states.shape)
    return f"{mdp.name}: temperature {mdp.tau:g}, discount {mdp.gamma:g}, {shape} nodes"


def _places(V: Array) -> list[int]:
    """The nodes of the largest, the median and the smallest value."""
    order = np.argsort(V, kind="stable")
    return [int(order[-1]), int(order[len(order) // 2]), int(order[0])]


def _value(axes: Any, solution: SolutionLike, chosen: list[int]) -> None:
    grid = solution.mdp.smooth.states
    worst = f"$V^*$ on the nodes, ±{solution.error.max():.0e}"
    if len(grid.axes) == 2:
        _heat(axes, solution, solution.V, DARK)
        _mark(axes, grid, chosen, worst)
        return
    x, V = _closed(grid.axes[0], solution.V)
    _, error = _closed(grid.axes[0], solution.error)
    axes.plot(x, V, "o-", color=MEASURED, linewidth=1.1, markersize=1.8, clip_on=False)
    axes.fill_between(x, V - error, V + error, color=MEASURED, alpha=0.25, linewidth=0)
    for name, place in zip(PLACES, chosen, strict=False):
        at = float(grid.nodes[place, 0]), float(solution.V[place])
        axes.annotate(name, at, (0, 4), textcoords="offset points", ha="center")
    _state_axes(axes, grid)
    axes.set_ylabel("value")
    axes.set_title(worst)


def _ribbon(axes: Any, solution: SolutionLike) -> None:
    """Density of the action over (x, a), in colours by its root so that broad policies show too."""
    from matplotlib.colors import PowerNorm

    grid, actions = solution.mdp.smooth.states, solution.mdp.grid
    x, density = _closed(grid.axes[0], solution.policy.lebesgue)
    norm = PowerNorm(0.5, vmin=0.0, vmax=float(density.max()))
    cells = {"cmap": LIGHT, "norm": norm, "shading": "nearest", "rasterized": True}
    image = axes.pcolormesh(x, actions.nodes[:, 0], density.T, **cells)
    axes.figure.colorbar(image, ax=axes, label="density", pad=0.02)
    middle, low, high = _spread(_closed(grid.axes[0], solution.policy.pi)[1], actions)
    for k, turn in enumerate(_turns_of(middle, low, high, actions)):
        named = ("mean", "5 %", "95 %") if k == 0 else (None, None, None)
        _curves(axes, x, (middle + turn, low + turn, high + turn), named)
    axes.legend(**ABOVE, handlelength=1.4)
    _state_axes(axes, grid)
    _action_axis(axes.yaxis, actions, "action $a$")
    axes.set_title("policy")


def _curves(axes: Any, x: Array, curves: tuple[Array, ...], names: tuple[str | None, ...]) -> None:
    dashes = ("-", (0, (4, 2)), (0, (1, 1)))
    for curve, name, dash in zip(curves, names, dashes, strict=True):
        width = 1.3 if dash == "-" else 0.9
        axes.plot(x, curve, color=PROVED, linewidth=width, linestyle=dash, label=name)


def _turns_of(middle: Array, low: Array, high: Array, actions: Any) -> list[float]:
    """By what to move curves on a circle so that all that is on show is drawn."""
    if not actions.periodic or np.isnan(middle).all():
        return [0.0]
    length = actions.n * actions.spacing[0]
    first, last = np.floor(np.nanmin(low) / length), np.floor(np.nanmax(high) / length)
    return [-length * k for k in np.arange(first, last + 1)]


def _mean_action(axes: Any, solution: SolutionLike, chosen: list[int]) -> None:
    actions = solution.mdp.grid
    middle, _, _ = _spread(solution.policy.pi, actions)
    if actions.periodic:
        length = actions.n * actions.spacing[0]
        _heat(axes, solution, middle % length, ROUND, vmin=0.0, vmax=length)
    else:
        rest = float(actions.weights @ actions.nodes[:, 0])
        most = float(np.abs(middle - rest).max())
        _heat(axes, solution, middle, TWO_SIDED, vmin=rest - most, vmax=rest + most)
    _mark(axes, solution.mdp.smooth.states, chosen, "mean action")


def _moves(axes: Any, solution: SolutionLike, chosen: list[int]) -> None:
    """Arrows along E[f(x, a)] − x, the short way round circles."""
    smooth, grid = solution.mdp.smooth, solution.mdp.smooth.states
    f = np.asarray(smooth.continuous.dynamics(grid.nodes[:, None], solution.mdp.grid.nodes[None]))
    move = f - grid.nodes[:, None]
    for k, axis in enumerate(grid.axes):
        if axis.periodic:
            move[..., k] -= axis.length * np.round(move[..., k] / axis.length)
    mean = np.einsum("sa,sak->sk", solution.policy.pi, move).reshape(*grid.shape, 2)
    first, second = (slice(None, None, -(-n // ARROWS)) for n in grid.shape)
    nodes, mean = grid.nodes.reshape(*grid.shape, 2)[first, second], mean[first, second]
    arrows = axes.quiver(
        *np.moveaxis(nodes, -1, 0),
        *np.moveaxis(mean, -1, 0),
        angles="xy",
        color=MEASURED,
        clip_on=False,
    )
    arrows.set_in_layout(False)  # it would make room for arrows of lengths not known yet
    _mark(axes, grid, chosen, "mean move, lengths relative")
    _state_axes(axes, grid)


def _lines(axes: Any, solution: SolutionLike, chosen: list[int]) -> None:
    """The densities of an action in one dimension at the chosen states, each of height one."""
    actions = solution.mdp.grid
    for name, place, colour in zip(PLACES, chosen, SEVERAL, strict=False):
        density = solution.policy.lebesgue[place]
        shape = density / density.max()
        axes.plot(actions.nodes[:, 0], shape, color=colour, linewidth=1.3, label=name)
    axes.set_ylim(0, 1.03)
    axes.legend(**ABOVE, handlelength=0.9, handletextpad=0.3)
    axes.set_ylabel("density, relative")
    _action_axis(axes.xaxis, actions, "action $a$")
    axes.set_title("policy")


def _squares(panels: list[Any], solution: SolutionLike, chosen: list[int]) -> None:
    """The densities of an action in two dimensions at the chosen states."""
    actions = solution.mdp.grid
    first, second = (np.unique(actions.nodes[:, k]) for k in range(2))
    for axes, name, place in zip(panels, PLACES, chosen, strict=True):
        table = solution.policy.lebesgue[place].reshape(actions.shape)
        image = axes.pcolormesh(
            first, second, table.T, cmap=LIGHT, vmin=0, shading="nearest", rasterized=True
        )
        axes.figure.colorbar(image, ax=axes, label="density", pad=0.02)
        axes.set(xlabel="action $a_1$", ylabel="action $a_2$")
        axes.set_title(f"policy at {name}")


def _heat(axes: Any, solution: SolutionLike, values: Array, cmap: str, **limits: float) -> None:
    grid = solution.mdp.smooth.states
    table = values.reshape(grid.shape)
    x, table = _closed(grid.axes[0], table)
    y, table = _closed(grid.axes[1], table.T)
    image = axes.pcolormesh(x, y, table, cmap=cmap, shading="nearest", rasterized=True, **limits)
    axes.figure.colorbar(image, ax=axes, pad=0.05)
    _state_axes(axes, grid)


def _mark(axes: Any, grid: Any, chosen: list[int], title: str) -> None:
    """The chosen states, by their letters."""
    box = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "linewidth": 0.5}
    for name, place in zip(PLACES, chosen, strict=True):
        at = {"ha": "center", "va": "center", "fontsize": 6, "bbox": box}
        axes.text(*grid.nodes[place], name, clip_on=False, **at)
    axes.set_title(title)


def _state_axes(axes: Any, grid: Any) -> None:
    """Names, ends and ticks of the state variables."""
    several = len(grid.axes) > 1
    for k, (axis, side) in enumerate(zip(grid.axes, (axes.xaxis, axes.yaxis), strict=False)):
        side.set_label_text(f"state $x_{k + 1}$" if several else "state $x$")
        side.axes.set(**{f"{side.axis_name}lim": (axis.low, axis.low + axis.length)})
        if axis.periodic:
            _turns(side, axis.length)


def _action_axis(side: Any, actions: Any, name: str) -> None:
    side.set_label_text(name)
    half = actions.spacing[0] / 2
    low, high = float(actions.nodes[0, 0] - half), float(actions.nodes[-1, 0] + half)
    side.axes.set(**{f"{side.axis_name}lim": (low, high)})
    if actions.periodic:
        _turns(side, high - low)


def _turns(side: Any, length: float) -> None:
    """Ticks in units of π on a circle of that length."""
    if isclose(length, 2 * pi):
        side.set_ticks([0, pi / 2, pi, 3 * pi / 2, 2 * pi], ["0", "π/2", "π", "3π/2", "2π"])


def _closed(axis: Any, values: Array) -> tuple[Array, Array]:
    """Nodes and values along the first axis, a circle with its first node again at the end."""
    if not axis.periodic:
        return axis.nodes, values
    return np.append(axis.nodes, axis.low + axis.length), np.concatenate([values, values[:1]])


def _spread(masses: Array, actions: Any) -> tuple[Array, Array, Array]:
    """Mean and quantiles of actions in one dimension, (n,) each; masses are spread over their cells.

    On a circle the mean is the direction of the centre of mass, NaN where that is no direction to
    speak of, and quantiles are those of the way from it; curves are unrolled.
    """
    a, h = actions.nodes[:, 0], actions.spacing[0]
    length = actions.n * h
    if actions.periodic:
        turn = 2 * pi / length
        centre = masses @ np.exp(1j * turn * a)
        middle = np.angle(centre) / turn % length
        away = (a - middle[:, None] + length / 2) % length - length / 2
        clear = np.abs(centre) > VAGUE
        middle = np.where(clear, middle, np.nan)
        middle[clear] = np.unwrap(middle[clear], period=length)
    else:
        middle = masses @ a
        away = a - middle[:, None]
    tails = []
    for order, d, mass in zip(np.argsort(away, axis=-1), away, masses, strict=True):
        below = np.append(0.0, np.cumsum(mass[order]))
        edges = np.append(d[order[0]] - h / 2, d[order] + h / 2)
        tails.append(np.interp(TAILS, below, edges))
    low, high = np.transpose(tails)
    return middle, middle + low, middle + high
