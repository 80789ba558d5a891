"""A rollout is Completed before its version is stamped as the stable one."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.rollout:_ended",
    "run.deployment.state, run.deployment.reason, progress_message(run), stamp_stable=True",
    '"Completed", "Completed", progress_message(run), stamp_stable=True',
    plans=("R1",),
)
