"""A pod of whose readiness news came late is failed by its deadline."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.domain.verdict:_could_show",
    "return (record.first_window if record is not None else fleet.now) + needed",
    "return 0.0",
    plans=("R1 + W3-120 WATCH pods app-spdm3uz2me 1",),
)
