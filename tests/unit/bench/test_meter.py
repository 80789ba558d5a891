"""What of the API server's account counts."""

from __future__ import annotations

from bench.exposition import read
from bench.meter import of_operator, requests

PAGE = """\
apiserver_request_total{verb="POST",resource="pods",subresource="",code="201",dry_run=""} 100
apiserver_request_total{verb="POST",resource="pods",subresource="",code="201",dry_run="All"} 1
apiserver_request_total{verb="POST",resource="pods",subresource="",code="409",dry_run=""} 2
apiserver_request_total{verb="POST",resource="pods",subresource="binding",code="201",dry_run=""} 90
apiserver_request_total{verb="LIST",resource="pods",subresource="",code="200",dry_run=""} 3
apiserver_request_total{verb="WATCH",resource="pods",subresource="",code="200",dry_run=""} 4
apiserver_request_total{verb="PUT",resource="leases",subresource="",code="200",dry_run=""} 50
apiserver_request_total{verb="GET",resource="",subresource="/readyz",code="200",dry_run=""} 6
"""
OPERATOR = """\
rest_client_requests_total{code="201",method="POST"} 7
rest_client_requests_total{code="409",method="POST"} 1
rest_client_requests_total{code="200",method="DELETE"} 5
controller_runtime_reconcile_time_seconds_bucket{controller="fleetjob",le="0.01"} 0
controller_runtime_reconcile_time_seconds_bucket{controller="fleetjob",le="0.02"} 4
controller_runtime_reconcile_time_seconds_bucket{controller="fleetjob",le="+Inf"} 4
controller_runtime_reconcile_time_seconds_count{controller="fleetjob"} 4
controller_runtime_reconcile_time_seconds_sum{controller="fleetjob"} 0.06
"""


def test_requests_are_counted_by_verb_and_resource():
    assert requests(read(PAGE, ["apiserver_request_total"])) == {
        "writes": {"POST pods": 100, "POST pods/binding": 90},
        "reads": {"LIST pods": 3},
        "refused": {"POST pods": 2},
        "dry_runs": {"POST pods": 1},
    }


def test_the_operator_s_own_account_has_its_requests_and_passes():
    told = of_operator(read(OPERATOR, ["rest_client", "controller_runtime"]))
    assert told["requests"] == {"GET": 0, "POST": 8, "PUT": 0, "PATCH": 0, "DELETE": 5}
    assert told["passes"] == 4
    assert told["pass_p50"] == 0.015
    assert told["pass_mean"] == 0.015
    assert told["lag_p99"] is None
