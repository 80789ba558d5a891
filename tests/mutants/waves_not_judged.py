"""The next wave begins before the one before was judged."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.waves:Progress.judged",
    "return self.filled and not self.in_wave",
    "return self.filled or bool(self.in_wave)",
    plans=("R6",),
)
