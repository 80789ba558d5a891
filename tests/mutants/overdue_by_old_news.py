"""A pod that is not known to have stopped counts as one that does not stop."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.overdue:is_overdue",
    "found is not None and at <= min(found, fleet.now)",
    "at <= fleet.now",
    # Which of its events tells of the end depends on how many states it goes through.
    plans=("R1 + W3-120 WATCH pods app-spdm3uz2me 5", "R1 + W3-120 WATCH pods app-spdm3uz2me 6"),
)
