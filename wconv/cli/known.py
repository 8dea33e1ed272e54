"""``wconv list``, ``wconv explain`` and ``wconv doctor``: what there is, what it says, whether it runs."""

from rich.table import Table

from wconv.cli.shared import Checks, Offered, On, Seed, Settings, Starts, app, console, run
from wconv.theory.registry import discover


@app.command(name="list")
def list_(*, checks: Checks = None) -> int:
    """List every statement and every instance."""
    from wconv.mdp import zoo

    out = console()
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("check", "chapter", "grade", "statement"):
        grid.add_column(name, no_wrap=name != "statement")
    for item in discover(checks).values():
        grid.add_row(item.id, item.chapter, item.grade, item.statement.title)
    out.print(grid)
    out.print()
    places = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("instance", "what it is", "parameters"):
        places.add_column(name, no_wrap=name == "instance")
    for recipe in zoo.RECIPES.values():
        places.add_row(recipe.name, recipe.summary, ", ".join(recipe.defaults))
    out.print(places)
    return 0


@app.command
def explain(
    id: str,
    *,
    on: On = None,
    settings: Settings = None,
    policies: Offered = None,
    start: Starts = None,
    seed: Seed = 0,
    checks: Checks = None,
) -> int:
    """Explain a statement; with --on also why its verdict is what it is there.

    Parameters
    ----------
    id
        Id of the statement.
    """
    from wconv._require import choice
    from wconv.report import table

    found = discover(checks)
    item = found[choice("check", id, found)]
    out = console()
    out.print(table.explain_statement(item))
    if not on:
        return 0

    from wconv.verify.parallel import Order
    from wconv.verify.plan import parse_settings

    parameters = parse_settings(settings or [])
    asked = (tuple(on), parameters, policies, start, seed)
    results = run(Order((id,), checks, "quick", *asked, controls=False), processes=1)
    for result in results:
        out.print()
        out.print(table.explain_result(result))
    if not results:
        out.print(f"\nno claim was tested: {id} speaks of no instance (wconv check {id})")
    return table.exit_code(results)


@app.command
def doctor() -> int:
    """Report versions, precision and devices, and run a self-test."""
    from wconv.report.doctor import examine
    from wconv.report.table import table
    from wconv.verify.parallel import Order

    out = console()
    for line in examine():
        out.print(line)
    results = run(Order(("wpg-res",)), processes=1)
    out.print(table(results, out.width))
    ok = all(result.as_expected for result in results)
    out.print("self-test passed" if ok else "self-test FAILED")
    return 0 if ok else 1
