from ._require import InputError as InputError
from .outcomes import Outcome as Outcome, SolverError as SolverError
from .measured import Bracket as Bracket, Measured as Measured, stack as stack
from .measures.spaces import (
    Box as Box,
    FiniteSet as FiniteSet,
    GaussianLine as GaussianLine,
    GaussianSpace as GaussianSpace,
    Grid as Grid,
    Interval as Interval,
    TailedLine as TailedLine,
    Torus as Torus,
)
from .measures.divergences import kl as kl
from .measures.entropy import entropy as entropy, lebesgue_shift as lebesgue_shift
from .measures.fisher import (
    fisher_continuum as fisher_continuum,
    fisher_dirichlet as fisher_dirichlet,
)
from .measures.mixtures import (
    LineSum as LineSum,
    Mixtures as Mixtures,
    chi_square_information as chi_square_information,
    cross_entropy as cross_entropy,
    plug_in_entropy as plug_in_entropy,
    pooled as pooled,
)
from .measures.oscillation import oscillation as oscillation
from .measures.gaussians import Gaussian as Gaussian
from .measures.potentials import (
    potential as potential,
    potential_oscillation as potential_oscillation,
)
from .measures.replications import replicated as replicated
from .measures.transport import (
    w2_squared as w2_squared,
    w2_squared_atoms as w2_squared_atoms,
    w2_squared_circle_atoms as w2_squared_circle_atoms,
)
from .mdp import zoo as zoo
from .mdp.model import MDP as MDP, make_mdp as make_mdp
from .mdp.continuous import ContinuousMDP as ContinuousMDP
from .mdp.discretise import discretise as discretise
from .mdp.rollout import between_nodes as between_nodes, simulate as simulate
from .mdp.factored import Factored as Factored
from .mdp.factored import successors as successors
from .mdp.smooth import SmoothMDP as SmoothMDP
from .mdp.tabulate import tabulate as tabulate
from .mdp.files import load as load, save as save
from .mdp.gym import from_gymnasium as from_gymnasium
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
from .exact.bellman import (
    evaluation as evaluation,
    optimality as optimality,
    q_from_v as q_from_v,
)
from .exact.evaluate import Evaluation as Evaluation, evaluate as evaluate
from .exact.occupancy import (
    discounted_occupancy as discounted_occupancy,
)
from .exact.stationary import stationary as stationary, stationary_laws as stationary_laws
from .exact.resolvent import resolvent_solve as resolvent_solve
from .exact.derivative import (
    objective_derivative as objective_derivative,
    value_derivative as value_derivative,
)
from .exact.differentiable import (
    certified_value as certified_value,
    optimal_value as optimal_value,
    policy_value as policy_value,
    value_gradient as value_gradient,
)
from .exact.solve import Solution as Solution, solve as solve
from .exact.off_grid import ContinuumError as ContinuumError, continuum_error as continuum_error
from .exact.collocation import Collocation as Collocation
from .exact.collocation import solve_collocation as solve_collocation
from .exact.lq import (
    LQ as LQ,
    LQValue as LQValue,
    LinearGaussian as LinearGaussian,
    evaluate_lq as evaluate_lq,
    make_lq as make_lq,
)
from .exact.riccati import solve_lq as solve_lq
from .diagnostics.bellman import (
    advantage as advantage,
    apply_evaluation as apply_evaluation,
    apply_optimality as apply_optimality,
    average as average,
    bellman_residual as bellman_residual,
    gibbs_divergence as gibbs_divergence,
    optimality_gap as optimality_gap,
    pairing as pairing,
    policy_gain as policy_gain,
    q_difference as q_difference,
    q_rounding as q_rounding,
)
from .diagnostics.flow import (
    dissipation as dissipation,
    flow_velocity as flow_velocity,
    value_velocity as value_velocity,
)
from .diagnostics.proximal import (
    ProximalSteps as ProximalSteps,
    longest_frozen_step as longest_frozen_step,
    proximal_steps as proximal_steps,
    step_distance as step_distance,
)
from .diagnostics.rates import energy_defect as energy_defect, local_rate as local_rate
from .dynamics.blob import BlobWPG as BlobWPG
from .dynamics.evolve import evolve as evolve
from .dynamics.gaussian import (
    GaussianPath as GaussianPath,
    gaussian_flow as gaussian_flow,
    gaussian_frozen as gaussian_frozen,
    gaussian_langevin as gaussian_langevin,
    langevin_bias as langevin_bias,
    langevin_limit as langevin_limit,
)
from .dynamics.heat import heat as heat
from .dynamics.implicit import (
    Landscape as Landscape,
    explicit_map as explicit_map,
    landscape as landscape,
    latents as latents,
    moment_step as moment_step,
    prox_map as prox_map,
    score_step as score_step,
    shared_latent_step as shared_latent_step,
    sorted_step as sorted_step,
)
from .dynamics.methods import (
    FrozenWPG as FrozenWPG,
    MirrorDescent as MirrorDescent,
    SoftPolicyIteration as SoftPolicyIteration,
    WPGD as WPGD,
    WPGFlow as WPGFlow,
)
from .dynamics.path import Path as Path, romberg as romberg
from .dynamics.proximal import InexactWPPG as InexactWPPG, WPPG as WPPG
from .dynamics.problem import drift_tables as drift_tables
from .dynamics.particles import (
    ParticlePath as ParticlePath,
    evolve_particles as evolve_particles,
)
from .dynamics.split import SplitWPPG as SplitWPPG
from .constants.threshold import proximal_threshold as proximal_threshold
from .constants.a_priori import (
    APriori as APriori,
    a_priori as a_priori,
    largest_step as largest_step,
)
from .constants.assumptions import (
    Assumptions as Assumptions,
    assumptions_of as assumptions_of,
)
from .constants.along import Along as Along, along as along
from .constants.api import (
    Inequalities as Inequalities,
    inequalities as inequalities,
    log_sobolev as log_sobolev,
    poincare as poincare,
    talagrand as talagrand,
)
from .constants.chain import modified_log_sobolev as modified_log_sobolev
from .constants.differentiable import (
    log_sobolev_gradient as log_sobolev_gradient,
    spectral_gap as spectral_gap,
)
from .constants.convexity import convexity as convexity
from .constants.disc import Disc as Disc
from .constants.gibbs import AlongPath as AlongPath, gibbs_constants as gibbs_constants
from .constants.mismatch import (
    log_density_ratio as log_density_ratio,
    mismatch as mismatch,
    occupancy_ratio as occupancy_ratio,
)
from .constants.particle_witness import (
    ParticleWitness as ParticleWitness,
    log_sobolev_witness as log_sobolev_witness,
)
from .constants.record import Constant as Constant
from .constants.regularity import (
    Regularity as Regularity,
    q_oscillation as q_oscillation,
    regularity as regularity,
)
from .constants.space_names import Circle as Circle
from .probe.attack import attack as attack
from .probe.worst_case import load_worst_case as load_worst_case
from .probe.api import sweep as sweep
from .probe.dataset import read_sweep as read_sweep
from .report.export import read_results as read_results
from .report.phase_plot import plot_phases as plot_phases
from .report.state_plots import plot_solution as plot_solution
from .theory.cite import cite as cite
from .theory.registry import discover as discover
from .verify.api import Verification as Verification, verify as verify
from .verify.run import Run as Run

__version__: str
