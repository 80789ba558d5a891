"""A process that has just begun fails what it has not looked at yet."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.verdict:deadline",
    "    started = fleet.observed.operator_started\n",
    "    started = 0.0\n",
    plans=("R1 + C1-long POST pods app-s5iekcozyd 1",),
)
