"""The next wave begins before the one before was judged."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.waves:Progress.judged",
    "return self.filled and not any(",
    "return self.filled or any(",
    plans=("R6",),
)
