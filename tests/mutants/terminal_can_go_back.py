"""What has ended is judged again."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.claim:Chain.live",
    "return current if current is not None and not current.terminal else None",
    "return current",
    plans=("R2",),
)
