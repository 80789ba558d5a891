"""What has the name is taken for ours, whoever owns it."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.creates:_judge",
    "if owner != meant:",
    "if False:",
    plans=(),
)
