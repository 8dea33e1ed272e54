"""wconv: numerical verification of Wasserstein policy gradient theory.

    import wconv as wc
    mdp  = wc.zoo.double_well(temperature=0.5)      # a problem
    star = wc.solve(mdp, tol=1e-12)                 # its exact solution, with a certified bound
    v    = wc.verify("wpg-res", mdp)                # a theorem on it: verdict, margin, tightness

Names are loaded on first use; ``__init__.pyi`` is the shop window.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__version__ = "0.1.0"
