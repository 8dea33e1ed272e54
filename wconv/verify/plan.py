"""What to run: from ids or chapters, a tier, and a user's instances and parameters to jobs."""

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wconv import _require as require
from wconv._user_code import run_file
from wconv.mdp import files, zoo
from wconv.mdp.model import MDP
from wconv.theory.cases import NO_PROBLEM, Case, Policies, Start, Tier
from wconv.theory.judge import Verdict
from wconv.theory.registry import Check
from wconv.verify.job import Job, fits


def select(checks: Mapping[str, Check], names: Sequence[str]) -> list[Check]:
    """The checks of the given ids or chapters (all when none is given), in order of the registry."""
    chapters = {item.chapter for item in checks.values()}
    for name in names:
        require.choice("check", name, [*checks, *sorted(chapters)])
    return [c for c in checks.values() if not names or c.id in names or c.chapter in names]


def plan(
    checks: Iterable[Check],
    *,
    tier: Tier = "quick",
    on: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    policies: Policies | None = None,
    start: Start | None = None,
    controls: bool = True,
    fitting: bool = False,
) -> list[Job]:
    """The jobs of a run: every check's cases of the tier (or the user's instances) and controls.

    Of a case with the user's instance, parameters, policies or start nothing is expected. With ``fitting``
    the checks that speak of other action sets than a user's are left out, and an INAPPLICABLE of the
    others is an answer, not a surprise.
    """
    jobs: list[Job] = []
    checks = list(checks)
    named, options = split(checks, parameters or {})
    wanted = _Wanted(named, policies, start, options)
    for spec in on if options else ():
        refuse_ambiguous(checks, spec, options)
    loaded = {spec: load_problem(spec, wanted.parameters) for spec in on if is_file(spec)}
    for item in checks:
        if on:
            mine = [job for spec in on for job in _on(item, spec, loaded.get(spec), wanted)]
            if fitting:
                mine = [replace(job, fitting=True) for job in mine if fits(item, _problem(job))]
        else:
            chosen = [c for c in item.cases if tier == "all" or c.tier == "quick"]
            mine = [Job(item, _changed(item, c, wanted)) for c in chosen]
        jobs += mine
        if controls and mine:
            jobs += [Job(item, c.on, control=c) for c in item.controls]
    return jobs


@dataclass(frozen=True)
class _Wanted:
    """What a user changed about the cases."""

    parameters: Mapping[str, Any]
    policies: Policies | None
    start: Start | None
    options: Mapping[str, Any]

    def options_of(self, check: Check) -> dict[str, Any]:
        """Those of the options given that the check has."""
        return {name: value for name, value in self.options.items() if name in check.options}


def split(
    checks: Iterable[Check], parameters: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a user set, parted into parameters of instances and options of any of the checks."""
    known = {name for item in checks for name in item.options}
    options = {name: value for name, value in parameters.items() if name in known}
    return {n: value for n, value in parameters.items() if n not in known}, options


def refuse_ambiguous(checks: Iterable[Check], instance: str, names: Iterable[str]) -> None:
    """Refuse a name that is a parameter of the problem and an option of a check: it would change only one."""
    own = defaults_of(instance)
    for name in names:
        if owners := [item.id for item in checks if name in own and name in item.options]:
            remedy = f"give another problem, or leave out {', '.join(owners)}"
            both = f"a parameter of {instance} and an option"
            require.fail(f"--set or --sweep {name}", "mean one thing", both, remedy)


def _changed(check: Check, case: Case, wanted: _Wanted) -> Case:
    """The case with the user's changes, if there are any."""
    options = wanted.options_of(check)
    changes = wanted.parameters or wanted.policies or wanted.start or options
    if case.instance == NO_PROBLEM or not changes:
        return case
    named = resolved(case.instance, wanted.parameters, check.options)
    inapplicable = case.expect is Verdict.INAPPLICABLE
    kept = inapplicable and not (wanted.policies or wanted.start or options)
    return replace(
        case,
        parameters={**case.parameters, **named},
        policies=wanted.policies or case.policies,
        start=wanted.start or case.start,
        expect=case.expect if kept else None,
        fails=case.fails if kept else "",
        tight=0.0,
        options={**case.options, **options},
    )


def _on(check: Check, spec: str, problem: MDP | None, wanted: _Wanted) -> list[Job]:
    if not check.needs_problem:
        return []
    policies = wanted.policies or check.cases[0].policies
    start, options = wanted.start or check.cases[0].start, wanted.options_of(check)
    chosen: dict[str, Any] = {"policies": policies, "start": start, "options": options}
    if problem is not None:
        case = Case(spec, wanted.parameters, expect=None, **chosen)
        return [Job(check, case, problem=problem, from_file=True)]
    mine = Case(spec, resolved(spec, wanted.parameters, check.options), expect=None, **chosen)
    known = [c for c in check.cases if _same(c, mine)]
    return [Job(check, case) for case in known or [mine]]


def _same(case: Case, other: Case) -> bool:
    """Whether two cases run the same, whatever is expected of them."""

    def runs(case: Case) -> tuple[Any, ...]:
        given = dict(case.parameters), dict(case.options)
        return case.instance, *given, case.policies, case.start

    return runs(case) == runs(other)


def _problem(job: Job) -> MDP:
    return job.problem or zoo.make(job.case.instance, **job.case.parameters)


def is_file(spec: str) -> bool:
    """Whether a problem is a file; neither a file nor a name is refused."""
    if ".py:" in spec or Path(spec).suffix in {".npz", ".json"}:
        return True
    if "." in spec or "/" in spec:
        require.fail(
            "--on", "be an instance, FILE.npz, FILE.json or FILE.py:function", spec, "name one"
        )
    return False


def problem_of(spec: str, parameters: Mapping[str, Any]) -> MDP:
    """A zoo instance by name, or a user's problem as ``load_problem`` takes it."""
    if is_file(spec):
        return load_problem(spec, parameters)
    return zoo.make(spec, **resolved(spec, parameters))


def resolved(
    instance: str, parameters: Mapping[str, Any], options: Iterable[str] = ()
) -> dict[str, Any]:
    """The parameters of a zoo instance under their full names; an error also lists the options."""
    require.choice("instance", instance, zoo.RECIPES)
    return under_full_names(instance, parameters, options)


def under_full_names(
    spec: str, parameters: Mapping[str, Any], options: Iterable[str] = ()
) -> dict[str, Any]:
    """The parameters of a zoo instance or a problem file; an error also lists the options."""
    return _named(spec, parameters, defaults_of(spec), options)


def _named(
    spec: str, parameters: Mapping[str, Any], valid: Iterable[str], options: Iterable[str] = ()
) -> dict[str, Any]:
    """The parameters under their full names; tau, gamma and n are short for those that are valid."""
    names = list(valid)
    short = {a: name for a, name in zoo.ALIASES.items() if name in names and a not in names}
    given: dict[str, Any] = {}
    for key, value in parameters.items():
        known = [*names, *short, *options]
        name = short.get(require.choice(f"parameter of {spec}", key, known), key)
        if name in given:
            require.fail(name, "be given once", f"it and its short form (now {key})", "keep one")
        given[name] = value
    return given


def load_problem(spec: str, parameters: Mapping[str, Any]) -> MDP:
    """A user's problem: ``FILE.npz``, ``FILE.json``, or ``FILE.py:function`` (which is executed).

    ``parameters`` are passed to the function; of a data file only temperature and discount can be
    changed.
    """
    if ".py:" not in spec:
        return files.load(spec).replace(**_named(spec, parameters, ["temperature", "discount"]))
    build = function_of(spec)
    given = _named(spec, parameters, inspect.signature(build).parameters)
    try:
        mdp = build(**given)
    except require.InputError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it may raise anything
        detail = f"{type(error).__name__}: {error}"
        require.fail(spec, "return an MDP", detail, "mend the function")
    if not isinstance(mdp, MDP):
        remedy = "build it with wc.make_mdp, wc.tabulate or wc.discretise"
        require.fail(spec, "return an MDP", type(mdp).__name__, remedy)
    return mdp


def defaults_of(spec: str) -> dict[str, Any]:
    """The parameters of a zoo instance or a problem file, with their defaults (None where there is none)."""
    if not is_file(spec):
        require.choice("instance", spec, zoo.RECIPES)
        return dict(zoo.RECIPES[spec].defaults)
    if ".py:" not in spec:
        return {"temperature": None, "discount": None}
    found = inspect.signature(function_of(spec)).parameters
    return {n: None if p.default is p.empty else p.default for n, p in found.items()}


def function_of(spec: str) -> Callable[..., Any]:
    """The function of ``FILE.py:function``; the file is executed."""
    path, _, function = spec.rpartition(":")
    build: Callable[..., Any] | None = getattr(run_file("problem file", Path(path)), function, None)
    if not callable(build):
        require.fail(
            f"{spec}", "name a function of the file", function, "define it, returning an MDP"
        )
    return build


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """``["tau=0.05", "sparse=True"]`` as a dictionary; values are Python literals or bare words."""
    out: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            require.fail(
                "--set", "have the form name=value", text, "for example --set temperature=0.1"
            )
        if name in out:
            require.fail("--set", "give each name once", name, "keep one of them")
        try:
            out[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            out[name] = value
    return out
