"""``wconv attack`` and ``wconv replay``: the worst problem for a theorem, searched for and run again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from wconv.cli.shared import Checks, app, console
from wconv.theory.cases import Start

if TYPE_CHECKING:
    from wconv.probe.attack import Attacked, Found
    from wconv.probe.attack_targets import Scored

VIOLATED, DIFFERENT = 1, 3

Ranged = Annotated[str, Parameter(help="A number, or LOW:HIGH to search in between.")]


@app.command
def attack(
    id: str,
    *,
    budget: str = "60s",
    states: int = 3,
    modes: int = 3,
    bound: float = 1.0,
    temperature: Ranged = "0.5",
    discount: Ranged = "0.8",
    resolution: int = 64,
    start: tuple[Start, ...] = ("reference",),
    claim: str | None = None,
    seed: int = 0,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    checks: Checks = None,
) -> int:
    """Search for the problem on a circle of actions on which a theorem's bound is tightest.

    Exit code 1 when the theorem is violated there. Ctrl-C ends the search with the best so far.

    Parameters
    ----------
    id
        Id of a statement; or a goal, lsi-along-iterates (C_LS grows along the flow) or
        lsi-between-ends (it is larger on the way than at both ends).
    budget
        Time to spend: a number with s, m or h.
    states
        How many states, at most 64.
    modes
        How many Fourier modes rewards and logits of transitions have.
    bound
        R: rewards lie in [-R, R].
    resolution
        Nodes on the circle, at most 4096.
    start
        Where paths start; of several, each restart draws one.
    claim
        Part of the name of the claim to attack; the first without it.
    seed
        Seed of the search.
    output
        Save the worst problem as a TOML file for wconv replay.
    """
    from wconv.probe.attack import attack as search
    from wconv.probe.attack_search import space_of
    from wconv.probe.attack_targets import target
    from wconv.report.export import check_writable

    check_writable([] if output is None else [output])
    aim = target(id, claim, checks)
    sizes = {"states": states, "modes": modes, "resolution": resolution}
    space = space_of(temperature, discount, start, bound=bound, **sizes)
    terminal = Console(stderr=True)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), console=terminal, transient=True)
    bar.disable = not terminal.is_terminal
    with bar:
        task = bar.add_task("attacking", total=1.0)

        def watch(share: float, best: "Found | None") -> None:
            said = "" if best is None else f", best {best.scored.ratio:.5g}"
            bar.update(task, completed=share, description=f"attacking {id}{said}")

        found = search(aim, space, budget=budget, seed=seed, watch=watch)
    if output is not None:
        found.worst.save(output)
    _tell(found, output)
    return VIOLATED if found.worst.scored.verdict == "VIOLATED" else 0


@app.command
def replay(file: Path, *, checks: Checks = None) -> int:
    """Run the worst problem of a file again and compare with the ratio recorded in it.

    Exit code 0 when verdict and ratio are the same within errors, 3 otherwise.

    Parameters
    ----------
    file
        What ``wconv attack -o FILE`` wrote.
    """
    from wconv.probe.worst_case import read_worst_case

    case = read_worst_case(file)
    again = case.replayed(checks)
    same = case.agrees(again)
    out = console()
    out.print(f"{case.name} on {case.mdp!r}, from the {case.candidate.start} policy")
    out.print(f"recorded  {_line(case.scored)}")
    out.print(f"now       {_line(again)}")
    out.print("the same within errors" if same else "NOT the same within errors")
    return 0 if same else DIFFERENT


def _tell(found: "Attacked", output: Path | None) -> None:
    worst, out = found.worst, console()
    family = worst.candidate.problem.family
    if worst.scored.verdict == "VIOLATED":
        out.print(
            f"VIOLATED: {worst.name} fails on the problem found, confirmed on twice the nodes"
        )
    out.print(f"{worst.name}: {_line(worst.scored)}")
    out.print(f"  where      {worst.scored.told}")
    out.print(
        f"  problem    {family.states} states, {family.modes} modes, |r| <= {family.bound:g}, "
        f"temperature {family.temperature:.6g}, discount {family.discount:.6g}, "
        f"from the {worst.candidate.start} policy"
    )
    ended = "interrupted after" if found.interrupted else "in"
    out.print(f"  search     {found.candidates} candidates certified {ended} {found.seconds:.0f} s")
    if output is not None:
        out.print(f"  saved      {output} (wconv replay {output})")


def _line(scored: "Scored") -> str:
    """Verdict, ratio and, of a theorem, what is proved of it."""
    goal = scored.verdict not in ("HOLDS", "VIOLATED", "INCONCLUSIVE", "INAPPLICABLE", "ERROR")
    proved = "" if goal else " (proved: at most 1)"
    return f"{scored.verdict}, ratio {scored.ratio:.6g} ± {scored.error:.1e}{proved}"
