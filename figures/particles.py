"""Particles in the place of densities: how far they stray together, and what bias they leave."""

from pathlib import Path
from typing import Any

import numpy as np
from _style import AGAINST, CEILING, COLUMN, MEASURED, STATES, proved, save, show
from matplotlib.figure import Figure

import wconv as wc
from wconv.constants.langevin import step_constants
from wconv.theory.bounds import particles as bounds
from wconv.theory.bounds import wpg_langevin

NODES = 32
"""Of the actions: the stationary gap moves by 1e-8 of itself when they are doubled."""

CONFIDENCE = 0.99
"""One-sided, of every mean."""

STEP, UPDATES = 0.1, 10
"""Of the systems beside their twins: to time 1."""

CROWDS = {8: 512, 64: 128, 512: 48, 2048: 32}
"""Particles a state, and systems."""

STEPS = (0.125, 0.2, 0.32, 0.5)
"""Of the systems at rest: long ones, whose bias is not far below what N particles lose."""

RESTING = {16: 128, 128: 32, 1024: 16, 4096: 8}
"""Particles a state, and systems whose bias is watched."""

EVERY, FORGOTTEN, SAMPLES = 0.64, 4, 11
"""Time between samples, how many are left out, and all of them."""


def means(values: np.ndarray) -> np.ndarray:
    """Means over systems (axis 1) and their errors, stacked on a first axis."""
    each = [wc.replicated(v, confidence=CONFIDENCE) for v in values]
    return np.array([[m.value, m.error] for m in each]).swapaxes(0, 1)


def apart(
    law: wc.Path, L_b: np.ndarray, G_p: np.ndarray, n: int, systems: int
) -> dict[str, np.ndarray]:
    """Over times: D and max|V̂ − V| with their errors, |E(V̂ − V)|, and the bound of D."""
    mdp, method, V = law.mdp, law.method, law.measured
    common = {"n": n, "steps": UPDATES, "samples": UPDATES, "seed": range(systems)}
    found = wc.evolve_particles(method, mdp, law.policies[0], value="mixture", **common)
    alone = wc.evolve_particles(method, mdp, law.policies[0], value=V.value[:-1], **common)
    D = np.abs(found.particles - alone.particles)[..., 0]
    D = np.minimum(D, mdp.grid.n * mdp.grid.spacing[0] - D)
    off = found.values - V.value[:, None]
    signed = np.abs(means(off))
    worst = signed[:1].argmax(axis=-1)[..., None]
    half = means(np.ptp(off, axis=-1) / 2).sum(axis=0)  # the mean and its error
    fixed = {"G_p": G_p, "gamma": mdp.gamma, "eta": method.step}
    most = [np.zeros(mdp.n_states)]
    for k in range(UPDATES):
        most.append(bounds.coupled_step(distance=most[-1], value=half[k], L_b=L_b[k], **fixed))
    return {
        "D": means(D.mean(axis=(-1, -2))),
        "V": means(np.abs(off).max(axis=-1)),
        "bias": np.take_along_axis(signed, worst, axis=-1)[..., 0],
        "bound": np.mean(most, axis=-1),
    }


def chaos() -> dict[str, np.ndarray]:
    """The same for all numbers of particles, (count, …), on the ring."""
    mdp = wc.zoo.ring(resolution=NODES)
    law = wc.evolve(wc.WPGD(STEP), mdp, wc.uniform(mdp), steps=UPDATES)
    tables, V = wc.drift_tables(mdp), law.measured[:-1]
    L_b = step_constants(mdp, tables, law.policies[:-1], V).L_b.upper
    G_p = wc.regularity(mdp).G_p.upper
    each = [apart(law, L_b, G_p, *crowd) for crowd in CROWDS.items()]
    found = {name: np.stack([one[name] for one in each]) for name in each[0]}
    return found | {"N": np.array(list(CROWDS)), "times": law.times}


def slope(axes: Any, x: np.ndarray, y: float, power: float, text: str) -> None:
    """A dotted line through (x_0, y), named at its end."""
    line = y * (x / x[0]) ** power
    axes.plot(x, line, ":", color=CEILING)
    beside = {"textcoords": "offset points", "color": "0.4", "va": "top"}
    axes.annotate(text, (x[-1], line[-1]), (3, 2), **beside)


def points(axes: Any, x: np.ndarray, y: np.ndarray, label: str, **style: Any) -> None:
    """Means (value, error) with bars at their errors."""
    style = {"color": MEASURED, "marker": "o", "capsize": 2} | style
    axes.errorbar(x, y[0], yerr=y[1], label=label, **style)


def draw_chaos(found: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(2 * COLUMN, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    N, times, last = found["N"], found["times"][2:], -1
    label = r"$E\,\max_s|V^{\hat\pi}-V^\pi|$"
    points(left, N, found["V"][:, :, last].T, label, color=AGAINST)
    style = {"color": AGAINST, "mfc": "w", "lw": 0.8}
    label = r"$\max_s|E(V^{\hat\pi}-V^\pi)|$"
    points(left, N, found["bias"][:, :, last].T, label, marker="s", **style)
    points(left, N, found["D"][:, :, last].T, r"$E\,D$, the distance to twins")
    proved(left, N, (found["bound"][:, last],) * 2, r"bound of $E\,D$, chaos-rate")
    slope(left, N, 0.75 * found["D"][0, 0, last], -0.5, r"$N^{-1/2}$")
    slope(left, N, 0.75 * found["bias"][0, 0, last], -1.0, r"$N^{-1}$")
    left.set(xscale="log", yscale="log", xlabel="particles a state $N$")
    left.set(title=r"(a) ring, $\tau=0.5$, $\gamma=0.8$, at time 1", xlim=(None, 5 * N[-1]))
    for n, colour in ((64, STATES[1]), (512, STATES[0])):
        (k,) = np.flatnonzero(n == N)
        points(right, times, found["D"][k, :, 2:], "_", color=colour)
        bound = found["bound"][k, 2:]
        proved(right, times, (bound, bound), "_", color=colour)
        for curve in (bound, found["D"][k, 0, 2:]):
            beside = {"textcoords": "offset points", "color": colour, "va": "center"}
            right.annotate(f"$N={n}$", (times[last], curve[last]), (5, 0), **beside)
    # The first update sees the value of the start, which all systems share.
    right.set_xlim(right=1.2 * times[last])
    right.set(yscale="log", xlabel=r"time $k\eta$", title=rf"(b) growth, $\eta={STEP:g}$")
    figure.legend(loc="outside lower center", ncols=4, columnspacing=1.0)
    return figure


def resting(mdp: wc.MDP, eta: float) -> dict[str, np.ndarray]:
    """The stationary gap of the density in its worst state with its bounds, and that of particles."""
    star, method = wc.solve(mdp, tol=None), wc.WPGD(eta)
    law = wc.evolve(method, mdp, star.policy, until=16.0, samples=2)
    gaps = [(star.measured - law.measured[k]).value for k in (1, 2)]
    s = int(gaps[1].argmax())
    V = law.measured[2:]
    constants = step_constants(mdp, wc.drift_tables(mdp), law.policies[2:], V)
    plateau = wpg_langevin.plateau(
        C_LS=wc.gibbs_constants(mdp, V).worst_at.upper,
        L_b=constants.L_b.upper.max(axis=1),
        moment=constants.second.upper.max(axis=1),
        **{"tau": mdp.tau, "gamma": mdp.gamma, "eta": eta, "dim": 1},
    )
    every = round(EVERY / eta)
    times = {"steps": SAMPLES * every, "samples": SAMPLES, "value": "mixture"}
    runs = [
        wc.evolve_particles(method, mdp, law.policies[2], n=n, seed=range(systems), **times)
        for n, systems in RESTING.items()
    ]
    late = [star.V[s] - run.values[1 + FORGOTTEN :, :, s].mean(axis=0) for run in runs]
    seen = np.array([means(each[None])[:, 0] for each in late]).T
    density = np.array([gaps[1][s], np.abs(gaps[1] - gaps[0]).max()])
    return {"density": density, "plateau": plateau[0], "particles": seen, "limit": limit(seen)}


def limit(seen: np.ndarray) -> np.ndarray:
    """g of the fit g + a/N + b/N² to means (value, error), its error, a and b.

    The error is that of the means, and what changes when the fewest particles are left out.
    """
    N = np.array(list(RESTING), float)

    def weights(kept: slice) -> np.ndarray:
        table = N[kept, None] ** -np.arange(3) / seen[1, kept, None]
        return np.asarray(np.linalg.pinv(table) / seen[1, kept])

    all_of_them = weights(slice(None))
    g, a, b = all_of_them @ seen[0]
    sampling = np.linalg.norm(all_of_them[0] * seen[1])
    fit = abs(g - weights(slice(1, None))[0] @ seen[0, 1:])
    return np.array([g, sampling + fit, a, b])


def bias() -> dict[str, np.ndarray]:
    """The same for all steps, (step, …), on the ring."""
    mdp = wc.zoo.ring(resolution=NODES)
    each = [resting(mdp, eta) for eta in STEPS]
    found = {name: np.stack([one[name] for one in each]) for name in each[0]}
    return found | {"N": np.array(list(RESTING)), "eta": np.array(STEPS)}


def draw_bias(found: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(2 * COLUMN, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    N, eta = found["N"], found["eta"]
    fine = np.geomspace(N[0], 4 * N[-1])
    for k, colour in enumerate(STATES):
        g, _, a, b = found["limit"][k]
        points(left, N, found["particles"][k], rf"$\eta={eta[k]:g}$", color=colour, linestyle="")
        left.plot(fine, g + a / fine + b / fine**2, color=colour, lw=0.8)
        left.axhline(found["density"][k, 0], color=colour, ls=(0, (1, 1)), lw=0.9)
    left.set(xscale="log", yscale="log", xlabel="particles a state $N$")
    left.set_title(r"(a) ring, $\tau=0.5$, $\gamma=0.8$; dotted: densities")
    left.set_ylabel("stationary gap, worst state")
    left.legend(ncols=2)
    slope(right, eta, 0.6 * found["density"][0, 0], 2.0, "slope 2")
    label = r"densities, $N=\infty$"
    right.plot(eta, found["density"][:, 0], color=CEILING, label=label)
    points(right, eta, found["limit"][:, :2].T, r"mixtures, $N\to\infty$", linestyle="")
    label = r"$\tau\delta/((1-\gamma)^2c)$, wpgd-global"
    proved(right, eta, (found["plateau"],) * 2, label)
    right.set(xscale="log", xlabel=r"step $\eta$", title=r"(b) extrapolated, and proved")
    right.set_xticks(eta, [f"{one:g}" for one in eta])
    right.set_xticks([], minor=True)
    right.set_xlim(0.85 * eta[0], 1.6 * eta[-1])
    right.legend(loc="center", bbox_to_anchor=(0.45, 0.55))
    return figure


def main(out: Path) -> list[Path]:
    found = chaos()
    paths = save(draw_chaos, found, out, "particles_chaos", **found)
    found = bias()
    return paths + save(draw_bias, found, out, "particles_bias", **found)


if __name__ == "__main__":
    show(main)
