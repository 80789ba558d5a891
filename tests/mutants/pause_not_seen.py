"""A paused rollout goes on."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.rollout:is_paused",
    "return deployment.paused or fleet.spec.rollout.paused",
    "return False",
    plans=("R5",),
)
