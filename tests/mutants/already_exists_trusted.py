"""AlreadyExists is success, whatever is there."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.creates:create",
    "return await _taken(client, cache, body)",
    "return Done()",
    plans=("R2 + E1-stranger POST jobversions app-v2 1",),
)
