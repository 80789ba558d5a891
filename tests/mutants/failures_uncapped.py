"""A status lists every node that failed."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.deployments:failures",
    "ordered[:MOST_NAMES]",
    "ordered",
    plans=("Many",),
)
