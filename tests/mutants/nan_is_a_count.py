"""A counter that is no number passes for one."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.health.parse:checked_count",
    "if not math.isfinite(number) or number < 0:",
    "if number < 0:",
    plans=("NaN",),
)
