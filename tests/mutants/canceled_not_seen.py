"""A canceled rollout goes on."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.rollout:outlook",
    "if deployment.canceled:",
    "if False:",
    plans=("R5",),
)
