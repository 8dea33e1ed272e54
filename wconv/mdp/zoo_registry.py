"""The register of named problems: a recipe is a name with parameters, never an array."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, ParamSpec

from wconv import _require as require
from wconv.mdp.model import MDP

Parameters = ParamSpec("Parameters")

ALIASES: Final = MappingProxyType({"tau": "temperature", "gamma": "discount", "n": "resolution"})
"""The papers' letters for parameters, accepted by ``make``."""


@dataclass(frozen=True)
class Recipe:
    """A named problem: ``build(**parameters)`` makes it, ``defaults`` are all its parameters."""

    name: str
    summary: str
    build: Callable[..., MDP]
    defaults: Mapping[str, Any]


RECIPES: Final[dict[str, Recipe]] = {}
"""Every recipe by name."""


def recipe(
    name: str, summary: str
) -> Callable[[Callable[Parameters, MDP]], Callable[Parameters, MDP]]:
    """Register a function of keyword-only parameters with defaults as the recipe ``name``.

    The registered function returns the problem with its ``name`` and complete ``parameters``, so
    that ``make(mdp.name, **mdp.parameters)`` builds the same arrays again.
    """

    def register(build: Callable[Parameters, MDP]) -> Callable[Parameters, MDP]:
        signature = inspect.signature(build).parameters
        defaults = MappingProxyType({key: p.default for key, p in signature.items()})

        @wraps(build)
        def named(*args: Parameters.args, **kwargs: Parameters.kwargs) -> MDP:
            mdp = build(*args, **kwargs)
            return replace(mdp, name=name, parameters=MappingProxyType({**defaults, **kwargs}))

        RECIPES[name] = Recipe(name, summary, named, defaults)
        return named

    return register


def resolve(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters under their full names; tau, gamma and n stand for the words.

    Raises:
        InputError: for an unknown recipe or parameter (listing the valid ones), or one given twice.
    """
    require.choice("instance", name, RECIPES)
    given: dict[str, Any] = {}
    for key, value in parameters.items():
        word = ALIASES.get(key, key)
        require.choice(f"parameter of {name}", word, RECIPES[name].defaults)
        if word in given:
            require.fail(word, "be given once", f"it and its short form (now {key})", "keep one")
        given[word] = value
    return given


def make(name: str, **parameters: Any) -> MDP:
    """Build the recipe ``name`` with the given parameters (see ``resolve``)."""
    given = resolve(name, parameters)
    return RECIPES[name].build(**given)


def parameters_of(name: str) -> dict[str, Any]:
    """The parameters of a recipe with their defaults.

    Raises:
        InputError: for an unknown name, listing the valid ones.

    """
    require.choice("instance", name, RECIPES)
    return dict(RECIPES[name].defaults)
