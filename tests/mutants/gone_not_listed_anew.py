"""After a 410 the watch is tried again from where it was."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.watch.reflector:Reflector.run",
    "self._version = 0",
    "pass",
    plans=("R1 + N1-gone POST pods app-s5iekcozyd 1 + W2 WATCH nodes n00 1",),
)
