"""Names of pods are drawn by lot, so that the API server refuses no second one."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.api.names:pod_name",
    'f"{job}-{node_hash(node)}"',
    "f\"{job}-{__import__('secrets').token_hex(3)}\"",
    plans=("R1 + E3-reset-after POST pods * 3 + W3-30 WATCH pods * 1",),
)
