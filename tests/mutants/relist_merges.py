"""A list taken anew adds to what was known, and what has vanished stays."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.store:Store.replace",
    "if in_scope and old.uid not in listed and",
    "if False and old.uid not in listed and",
    plans=("R3 + W2 WATCH pods app-dysgvpqrfq 6",),
)
