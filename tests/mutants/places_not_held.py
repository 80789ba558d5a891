"""A node without its stable execution holds no place."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.places:holds_place",
    "return taken and failed < _FAILURES_THAT_END_IT",
    "return False",
    plans=("R3",),
)
