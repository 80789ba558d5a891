"""A page without the counters that are asked for passes for one without traffic."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.health.parse:parse_counters",
    "if total is None:",
    "total = total or 0.0\n    if total < 0:",
    plans=("Empty",),
)
