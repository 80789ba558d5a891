"""The answer to a write does not go into the cache."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.cache.kinds:KindCache.assume",
    "store.assume(decode(raw))",
    "decode(raw)",
    plans=("R7 + W1 WATCH executions app-s5iekcozyd-2 2",),
)
