from .measures.spaces import (
    Box as Box,
    FiniteSet as FiniteSet,
    GaussianLine as GaussianLine,
    Interval as Interval,
    Torus as Torus,
)
from .mdp import zoo as zoo
from .mdp.model import MDP as MDP, make_mdp as make_mdp
from .mdp.policy import (
    Policy as Policy,
    from_masses as from_masses,
    gibbs as gibbs,
    make_policy as make_policy,
    random_policy as random_policy,
    softmax_policy as softmax_policy,
    sparse_policy as sparse_policy,
    uniform as uniform,
)

__version__: str
