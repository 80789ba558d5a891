"""A process writes without asking whether it leads."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.client:Client._write",
    "guard=self._leading",
    "guard=None",
    plans=("R1 + L1 POST executions app-pfy3jdafxr-1 1",),
)
