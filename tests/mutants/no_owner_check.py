"""What has the name is taken for ours, whoever owns it."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.creates:_judge",
    "if owner != meant:",
    "if False:",
    plans=("R2 + E1-stranger POST jobversions app-v2 1",),
)
