"""What has ended is judged again."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.claim:Chain.__post_init__",
    "live=current if current is not None and not current.terminal else None,",
    "live=current,",
    plans=("R2",),
)
