"""What has a name is deleted, whatever it is by now."""

from mutants.mutant import Mutant

MUTANT = Mutant(
    "wavegate.engine.bodies:delete_options",
    '"preconditions": {"uid": uid, "resourceVersion": resource_version},',
    "",
    plans=("R1 + L1 DELETE pods app-s5iekcozyd 1",),
)
