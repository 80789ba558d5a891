"""The fault plans that have found a defect of the operator, each with what a user would have seen.

They are in every run of the campaign's sample.
"""

from __future__ import annotations

from typing import Final

FOUND: Final = {
    "R1 + T1-3600 POST pods app-s5iekcozyd 1": (
        "the clock is set back by an hour: the job's and its deployment's status stay as they were"
        " for that hour, since the pace of writes was reckoned by the wall clock"
    ),
    "R1 + T1+3600 PUT executions/status app-pftjbu6sqt-2 1": (
        "the clock is put forward by an hour: healthy pods that had just begun are past their"
        " deadline, the rollout fails, and pods that were to stop a second ago are left out as hung"
    ),
    "R1 + W3-120 WATCH pods app-spdm3uz2me 1": (
        "news of pods come two minutes late: pods that were ready all the time are failed by their"
        " deadline in the same pass in which the live read shows them ready"
    ),
    "R1 + W3-120 WATCH pods app-spdm3uz2me 6": (
        "the end of a pod is heard of two minutes late: the pod counts as one that does not stop,"
        " and its place is given to another node, so that more are down than there are places"
    ),
    "R5 + W1 WATCH pods app-w6fch74xyc 10": (
        "the event is lost that tells of a pod's being ready, and nothing else happens to the pod:"
        " its delete names a resourceVersion that is no longer true, and is refused for ever"
    ),
    "R1 + X1-unlabelled POST pods app-w6fch74xyc 1": (
        "somebody takes the job's label off a pod and puts it back: the pod is not seen again, and"
        " its rollout waits for ever"
    ),
    "R2 + X1-unlabelled POST pods app-7auqv6b5rr 1": (
        "somebody takes the job's label off a pod: the operator tries to make it four times a"
        " second, and nothing says what is wrong"
    ),
    "R3 + T1-3600 POST executions app-5wq24f64lc-2 1": (
        "the clock is set back by an hour and stays so: the stable version is stamped with a time"
        " before its rollout began, so that the stamp is written again every second, for that hour,"
        " and the rollout does not end"
    ),
    "R3 + T1-300 PUT executions/status app-s5iekcozyd-1 1": (
        "the clock is set back while a version completes: its stamp is later than the end of its"
        " rollout, and the rollback to it says Completed before it has taken a node back"
    ),
}
