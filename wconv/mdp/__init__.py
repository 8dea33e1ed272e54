"""The problem: MDP records, policies, the zoo of recipes, files and foreign tables."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(__name__, submodules=["zoo"])
