"""After a 410 the watch is tried again from where it was."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.watch.reflector:Reflector.run",
    "self._version = 0",
    "pass",
    plans=("R5 + W2 WATCH pods app-7auqv6b5rr 5",),
)
