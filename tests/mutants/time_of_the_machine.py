"""Deadlines are reckoned by the clock of the machine that the process runs on."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.kube.clock:ServerClock.now",
    "self._wall() if self._ahead is None else self._ahead + self._steady()",
    "self._wall()",
    plans=("R1 + T1+3600 POST pods app-d4qk4ujm24 1",),
)
