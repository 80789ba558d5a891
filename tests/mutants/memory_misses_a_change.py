"""A node on which a claim or a pod has changed is not looked at anew."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.memory:Memory._see_place",
    "self._stale.add(name)",
    "self._stale.update({name} if name not in self._chains else ())",
    plans=("R1",),
)
