"""A write that was refused as stale counts as done."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.objects:tried",
    "await look()\n        return LookAgain(str(error))",
    "return Done()",
    plans=("R5 + W1 WATCH pods app-w6fch74xyc 10",),
)
