"""A lease that somebody holds is taken all the same."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.lease:Leadership._is_free",
    "return not _holder(self._lease) or self._left() <= 0",
    "return True",
    plans=("R5 + L1 POST pods app-dysgvpqrfq 1",),
)
