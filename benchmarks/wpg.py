"""The dynamics on densities against general solvers: time, and time at equal error.

    python benchmarks/wpg.py

One thread, CPU time of the process, medians of interleaved repeats, after compilation. Peers: diffrax's
Kvaerno5 (implicit, adaptive) and a classical Runge–Kutta scheme in NumPy on the same ordinary differential
equation, and particles. Writes benchmarks/results/wpg.md; exits 1 when a gate is missed. Needs the extra
``wconv[bench]``.
"""

# ruff: noqa: I001  (constants pins threads before JAX is imported)
from constants import machine, medians

import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

import wconv as wc
from wconv.dynamics.methods import resolvents

jax.config.update("jax_enable_x64", True)
RESULT = Path(__file__).parent / "results" / "wpg.md"
TARGET = 1e-6
"""Error of V at the end that the solvers of the flow have to reach."""

UNTIL = 1.0


def problem(states: int, nodes: int) -> wc.MDP:
    """Wells on [−3/2, 3/2] that lead up or down a line of states."""
    line = np.linspace(-1.0, 1.0, states)
    near = -0.5 * np.square(np.subtract.outer(line, line) * 3.0)

    def reward(s: np.ndarray, a: np.ndarray) -> np.ndarray:
        xp, x = a.__array_namespace__(), a[..., 0]
        return -((x * x - 1.0) ** 2) + 0.3 * x * xp.asarray(line)[s]

    def transition(s: np.ndarray, a: np.ndarray) -> np.ndarray:
        xp = a.__array_namespace__()
        logits = 2.0 * xp.tanh(3.0 * a) * xp.asarray(line) + xp.asarray(near)[s]
        powers = xp.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    space = wc.Interval(-1.5, 1.5)
    return wc.tabulate(wc.SmoothMDP(reward, transition, states, 0.8, 0.5, space), nodes)


def field(mdp: wc.MDP, xp: object) -> Callable[[np.ndarray], np.ndarray]:
    """π ↦ K(π)ᵀπ in NumPy or JAX."""
    r, P, log_m = (xp.asarray(x) for x in (mdp.r, mdp.P, mdp.grid.log_weights))
    eye, reach = xp.eye(mdp.n_states), mdp.tau / mdp.grid.spacing[0] ** 2

    def velocity(pi: np.ndarray) -> np.ndarray:
        kernel = xp.einsum("sa,sat->st", pi, P)
        gain = (pi * (r - mdp.tau * (xp.log(pi) - log_m))).sum(axis=-1)
        V = xp.linalg.solve(eye - mdp.gamma * kernel, gain[:, None])[:, 0]
        q = (r + mdp.gamma * P @ V) / mdp.tau
        half = xp.exp((q[:, 1:] - q[:, :-1]) / 2)
        flow = reach * (pi[:, :-1] * half - pi[:, 1:] / half)
        ends = xp.zeros((len(r), 1))
        return xp.diff(-xp.concatenate([ends, flow, ends], axis=1), axis=1)

    return velocity


def implicit(mdp: wc.MDP, rtol: float) -> Callable[[], np.ndarray]:
    """diffrax: Kvaerno5 with the PID controller; the masses at the end."""
    velocity = field(mdp, jnp)
    term = diffrax.ODETerm(lambda _t, pi, _args: velocity(pi))

    @jax.jit
    def run(start: jax.Array) -> jax.Array:
        return diffrax.diffeqsolve(
            term,
            diffrax.Kvaerno5(),
            0.0,
            UNTIL,
            1e-4,
            start,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=1e-3 * rtol),
            max_steps=20_000,
        ).ys[0]

    start = jnp.asarray(wc.uniform(mdp).pi)
    return lambda: np.asarray(run(start))


def explicit(mdp: wc.MDP, steps: int) -> Callable[[], np.ndarray]:
    """The classical Runge–Kutta scheme in NumPy; the masses at the end (NaN when unstable)."""
    velocity, h = field(mdp, np), UNTIL / steps

    def run() -> np.ndarray:
        pi = wc.uniform(mdp).pi
        with np.errstate(all="ignore"):
            for _ in range(steps):
                a = velocity(pi)
                b = velocity(pi + h / 2 * a)
                c = velocity(pi + h / 2 * b)
                pi = pi + h / 6 * (a + 2 * b + 2 * c + velocity(pi + h * c))
                if not np.isfinite(pi).all():
                    break
        return pi

    return run


def flow(mdp: wc.MDP, tol: float) -> wc.Measured:
    """V of wconv's flow at the end, with its error."""
    return wc.evolve(wc.WPGFlow(tol), mdp, wc.uniform(mdp), until=UNTIL, samples=1).measured[-1]


def value(mdp: wc.MDP, pi: np.ndarray) -> np.ndarray:
    """V^π of masses; NaN where they are not a policy to rounding of the solver."""
    if not (pi > 0).all():
        return np.full(mdp.n_states, np.nan)
    return wc.evaluate(mdp, wc.softmax_policy(np.log(pi) - mdp.grid.log_weights, mdp.grid)).V


Attempt = tuple[str, Callable[[], object], float]


def first(name: str, settings: Iterable[float], make: Callable[[float], Attempt]) -> Attempt:
    """The cheapest setting that reaches the target."""
    for setting in settings:
        label, run, error = make(setting)
        if error <= TARGET:
            return f"{name}, {label}", run, error
    raise SystemExit(f"{name} does not reach {TARGET:g}")


def equal_error(mdp: wc.MDP) -> tuple[list[str], float]:
    """Solvers at the loosest setting that reaches the target, wconv by its own error bar; least ratio."""
    truth = flow(mdp, 1e-10).value

    def ours(tol: float) -> Attempt:
        found = flow(mdp, tol)
        off = float(np.abs(found.value - truth).max())
        return (
            f"tol {tol:g}, true error {off:.0e}",
            lambda: flow(mdp, tol),
            float(found.error.max()),
        )

    def theirs(make: Callable[[wc.MDP, float], Callable[[], np.ndarray]], word: str) -> Callable:
        def attempt(setting: float) -> Attempt:
            run = make(mdp, setting)
            return f"{word} {setting:g}", run, float(np.abs(value(mdp, run()) - truth).max())

        return attempt

    stable = int(np.ceil(UNTIL * 4.5 * mdp.tau / mdp.grid.spacing[0] ** 2 / 2.785))
    chosen = [
        first("wconv", (1e-3, 1e-4, 1e-5, 1e-6), ours),
        first("diffrax Kvaerno5", (1e-3, 1e-4, 1e-5, 1e-6), theirs(implicit, "rtol")),
        first("Runge-Kutta in NumPy", (stable, 2 * stable, 4 * stable), theirs(explicit, "steps")),
    ]
    times = medians({label: run for label, run, _ in chosen}, 3)
    base = times[chosen[0][0]]
    lines = [
        f"| {label} | {1e3 * times[label]:.0f} | {times[label] / base:.1f} | {error:.0e} |"
        for label, _, error in chosen
    ]
    return lines, min(times[label] for label, _, _ in chosen[1:]) / base


def particles(mdp: wc.MDP, eta: float, steps: int, count: int, seed: int) -> np.ndarray:
    """Mean reward in every state of particles that follow the Langevin update at discount 0."""
    rng = np.random.default_rng(seed)
    scale, centre = mdp.grid.space.scale, 1.5 * np.linspace(-1.0, 1.0, 4)[:, None]
    a = scale * rng.standard_normal((4, count))
    for _ in range(steps):
        drift = -0.5 * np.sin(a - centre) - mdp.tau / scale**2 * a
        a = a + eta * drift + np.sqrt(2 * mdp.tau * eta) * rng.standard_normal(a.shape)
    return 0.5 * np.cos(a - centre).mean(axis=1)


def against_particles() -> list[str]:
    """The mean reward after forty updates: the law on few nodes against 1e5 particles a state."""
    eta, steps, count = 0.05, 40, 10**5
    law, truth = wc.WPGD(eta), None
    rows: list[tuple[str, Callable[[], np.ndarray]]] = []
    for n in (512, 56):
        mdp = wc.zoo.gaussian_line(discount=0.0, resolution=n)
        forward, start = law.prepare(mdp), wc.uniform(mdp).pi
        run = lambda mdp=mdp, f=forward, x=start: (f(x, steps) * mdp.r).sum(axis=1)  # noqa: E731
        truth = run() if truth is None else truth
        rows.append((f"law, {n} nodes", run))
    rows.append((f"{count:.0e} particles", lambda: particles(mdp, eta, steps, count, 1)))
    times = medians(dict(rows), 3)
    base = times[rows[1][0]]
    return [
        f"| {label} | {1e3 * times[label]:.1f} | {times[label] / base:.0f} "
        f"| {np.abs(run() - truth).max():.0e} |"
        for label, run in rows[1:]
    ]


def growth() -> tuple[list[str], float, float]:
    """Seconds for 1000 resolvent steps and for one Langevin step; both at 20 states × 512 nodes."""
    jobs: dict[str, Callable[[], object]] = {}
    sizes = [(5, 512), (20, 128), (20, 512), (20, 2048), (80, 512)]
    for states, nodes in sizes:
        mdp = problem(states, nodes)
        start, advance = wc.uniform(mdp).pi, resolvents(mdp, 1)
        jobs[f"flow {states} {nodes}"] = lambda a=advance, x=start: a(x, 1e-3, 1000)
        if nodes <= 512:
            step = wc.WPGD(0.05).prepare(mdp)
            jobs[f"law {states} {nodes}"] = lambda f=step, x=start: f(x, 4)
    for job in jobs.values():
        job()
    times = medians(jobs, 3)
    lines = []
    for states, nodes in sizes:
        law = times.get(f"law {states} {nodes}")
        shown = "" if law is None else f"{1e3 * law / 4:.1f}"
        lines.append(f"| {states} | {nodes} | {times[f'flow {states} {nodes}']:.3f} | {shown} |")
    return lines, times["flow 20 512"], times["law 20 512"] / 4


def main() -> int:
    sizes, thousand, step = growth()
    solvers, ratio = equal_error(wc.zoo.tilted_double_well())
    gates = [
        ("1000 resolvent steps at 20 × 512 in at most 1 s", thousand <= 1.0, f"{thousand:.2f} s"),
        ("a Langevin step at 20 × 512 in at most 50 ms", step <= 0.05, f"{1e3 * step:.0f} ms"),
        (
            "no slower than the fastest peer at equal error",
            ratio >= 1.0,
            f"{ratio:.1f} times faster",
        ),
    ]
    lines = [
        "# The dynamics on densities: time, and time at equal error\n",
        f"{machine()} diffrax {version('diffrax')}. Written by `python benchmarks/wpg.py`.\n",
        "CPU time, one thread, medians of interleaved repeats, after compilation.\n",
        "| gate | measured | |\n|---|---:|---|",
        *(f"| {name} | {text} | {'met' if ok else 'MISSED'} |" for name, ok, text in gates),
        f"\n## The flow to t = {UNTIL:g}, V to {TARGET:g}: tilted double well, 4 states × 128 nodes\n",
        "| solver | CPU ms | × wconv | error of V (wconv: claimed) |\n|---|---:|---:|---:|",
        *solvers,
        "\n## Forty Langevin updates: the mean reward in every state\n",
        "| what | CPU ms | × law | true error |\n|---|---:|---:|---:|",
        *against_particles(),
        "\n## Growth\n",
        "| states | nodes | 1000 resolvent steps, s | a Langevin step, ms |\n|---:|---:|---:|---:|",
        *sizes,
    ]
    RESULT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0 if all(ok for _, ok, _ in gates) else 1


if __name__ == "__main__":
    sys.exit(main())
