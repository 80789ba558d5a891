"""What became of the spec before is told of the one that is there now."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.conditions:_is_changed",
    "not fleet.is_current or new_deployment(fleet) is not None",
    "False",
    plans=("R3 + E4-403 POST jobversions app-v2 1",),
)
