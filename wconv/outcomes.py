"""How a solver ended. Values are the sentences a user reads; solvers raise by default."""

from enum import Enum


class Outcome(Enum):
    """The ways a computation ends."""

    CONVERGED = "The tolerance was reached and the bound is certified."
    MAX_STEPS = "The step limit was reached first: raise max_steps or loosen tol."
    BELOW_FLOOR = (
        "The tolerance is below what floating point can certify here: "
        "ask for at least the floor printed with this message."
    )
    UNRESOLVED = (
        "Numbers of this precision and resolution do not settle it: refine, or make it milder."
    )
    CONTRADICTION = (
        "Two bounds on one number contradict each other: at least one of them is not resolved."
    )
    NOT_FINITE = "A non-finite number appeared: rescale rewards or raise the temperature."

    @property
    def ok(self) -> bool:
        """Whether the result may be used without reservation."""
        return self is Outcome.CONVERGED


class SolverError(RuntimeError):
    """A solver did not reach what was asked; ``outcome`` says how it ended."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(f"{outcome.value} ({detail})")
        self.outcome, self.detail = outcome, detail
