"""What becomes of a node after it was first seen is not noticed."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.cluster:ClusterCache._node_changed",
    "self._nodes = None\n",
    "self._nodes = None if old is None else self._nodes\n",
    plans=("R6",),
)
