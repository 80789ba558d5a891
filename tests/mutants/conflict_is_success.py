"""A write that was refused as stale counts as done."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.executor:Executor.execute",
    "return LookAgain(str(error))",
    "return Done()",
    plans=("R1 + E1 DELETE pods app-s5iekcozyd 1",),
)
