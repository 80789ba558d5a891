"""Only the process that has seen a rollout fail takes it back."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.rollback:needs_rollback",
    "if fleet.one_shot:",
    "if fleet.one_shot or (deployment.completed or 0.0) < fleet.observed.operator_started:",
    plans=("R2 + C2 PUT fleetdeployments/status app-v2 6",),
)
