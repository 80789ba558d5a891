"""A pod that is not known to have stopped counts as one that does not stop."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.overdue:is_overdue",
    "found is not None and at <= min(found, fleet.now)",
    "at <= fleet.now",
    plans=("R1 + W3-120 WATCH pods app-spdm3uz2me 6",),
)
