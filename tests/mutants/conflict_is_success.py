"""A write that was refused as stale counts as done."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.executor:Executor.execute",
    "await self._look(job, action)\n        return LookAgain(str(error))",
    "return Done()",
    plans=("R5 + W1 WATCH pods app-w6fch74xyc 10",),
)
