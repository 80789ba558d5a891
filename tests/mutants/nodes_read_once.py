"""What becomes of a node after it was first seen is not noticed."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.cluster:ClusterCache._node_changed",
    "if new is not None:\n",
    "if new is not None and old is None:\n",
    plans=("R6",),
)
