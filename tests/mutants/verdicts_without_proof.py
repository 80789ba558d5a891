"""A verdict by the deadline alone is given without a live look at its pod."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.statuses:StatusWriter.write",
    "if proof is not None and not",
    "if False and not",
    plans=("R3 + W3-120 WATCH pods app-d4qk4ujm24 2",),
)
