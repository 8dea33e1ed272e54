"""``wconv check``: theorems on their cases or on a user's problems, with controls."""

import time
from typing import Literal

from wconv.cli.shared import Checks, Offered, On, Output, Seed, Settings, Starts, app, console, run


@app.command
def check(
    *names: str,
    on: On = None,
    settings: Settings = None,
    tier: Literal["quick", "all"] = "quick",
    policies: Offered = None,
    start: Starts = None,
    seed: Seed = 0,
    processes: int | None = None,
    controls: bool = True,
    checks: Checks = None,
    json: Output = None,
    csv: Output = None,
    junit: Output = None,
    latex: Output = None,
) -> int:
    """Check theorems (ids or chapters; all by default) with their negative controls.

    Parameters
    ----------
    names
        Ids of statements or names of chapters.
    tier
        quick: a few cases a check; all: every case.
    processes
        How many processes share the work; as many as there are cores when it is worth it.
    controls
        Whether negative controls are run: they show that a check can fail, and take most of the time
        on an instance of your own.
    """
    from wconv.report import export, table
    from wconv.report.environment import environment
    from wconv.report.schema import Report
    from wconv.verify.parallel import Order, left_out
    from wconv.verify.plan import parse_settings

    given = {"json": json, "csv": csv, "junit": junit, "latex": latex}
    outputs = {kind: path for kind, path in given.items() if path is not None}
    export.check_writable(list(outputs.values()))
    parameters = parse_settings(settings or [])
    order = Order(names, checks, tier, tuple(on or ()), parameters, policies, start, seed, controls)
    began = time.perf_counter()
    results = run(order, processes)
    out = console()
    out.print(table.table(results, out.width))
    out.print()
    out.print(table.silent(results, left_out(order, results)), end="")
    out.print(table.problems(results), end="")
    out.print(table.summary(results, time.perf_counter() - began))
    export.write(Report(schema=1, environment=environment(), results=results), outputs)
    return table.exit_code(results)
