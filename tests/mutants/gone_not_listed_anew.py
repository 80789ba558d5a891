"""After a 410 the watch is tried again from where it was."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.watch.reflector:Reflector.run",
    "self._version = 0",
    "pass",
    plans=("R4 + W2 WATCH pods app-dysgvpqrfq 7",),
)
