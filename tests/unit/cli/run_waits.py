"""What ``why`` says of runs that wait: a row for each reason."""

from __future__ import annotations

ITSELF = "nobody has to: it goes on by itself"
OWNER = "who owns the job"
ENDPOINT = "who runs the endpoint"
HOUR, EXPIRES = 3600, "it is Expired, and does not start any more"

# reason: words that it waits for, evidence, who, how, seconds from the story's begin, what if not
WAITS: dict[str, tuple[str, str, str, str, float | None, str]] = {
    "Executing": (
        "the answer to its call: attempt 1 of 3",
        "",
        ITSELF,
        "wavegate runs cancel executing -n default ends it",
        300,
        "that attempt counts as TimedOut",
    ),
    "Scheduled": (
        "not before 2023-11-15T00:13:20Z",
        "it expires at 2023-11-15T01:13:20Z if it has not started",
        ITSELF,
        "wavegate runs cancel scheduled -n default ends it",
        2 * HOUR,
        "",
    ),
    "RetryBackoff": (
        "attempt 1 of 4 failed: answered 503",
        "",
        ITSELF,
        "wavegate runs cancel retrybackoff -n default ends it",
        HOUR,
        "",
    ),
    "ConcurrencyLimit": (
        "1 run may execute at a time",
        "maxConcurrency 1: 1 executes (executing since 2023-11-14T22:13:20",
        ITSELF,
        "wavegate runs cancel RUN -n default ends one that executes",
        HOUR,
        EXPIRES,
    ),
    "KeyConcurrencyLimit": (
        "1 run of its key may execute at a time",
        "maxConcurrencyPerKey 1, key a: 1 executes (key-1 since 2023-11-14T22:13:20",
        ITSELF,
        "HTTPJob keyconcurrencylimit can raise spec.runs.limits.maxConcurrencyPerKey",
        None,
        "",
    ),
    "RateLimited": (
        "1 call may begin within 1h",
        "rate: 1 calls in 3600 s",
        ITSELF,
        "who owns HTTPJob ratelimited can raise spec.runs.limits.rate",
        HOUR + 1,
        "",
    ),
    "PoolLimited": (
        "RateLimitPool rare: 1 call may begin within 1h",
        "pools: rare",
        ITSELF,
        "who owns the RateLimitPool that the message names can raise its spec.max",
        None,
        "",
    ),
    "PoolInvalid": (
        "RateLimitPool wrong is not understood: spec.window: must be between 1s and 24h",
        "pools: wrong",
        OWNER,
        "correct the RateLimitPool that the message names",
        None,
        "",
    ),
    "DependencyPending": (
        "HTTPJob retrybackoff: no run of it has ended",
        "",
        ITSELF,
        "wavegate trigger JOB -n default asks for a run of the HTTPJob that the message names",
        None,
        "",
    ),
    "DependencyMissing": (
        "HTTPJob nowhere is not there: create it, or do not depend on it",
        "",
        OWNER,
        "create the HTTPJob that the message names",
        None,
        "",
    ),
    "DependencyCycle": (
        "HTTPJob dependencycycle, which depends on circle, which depends on dependencycycle",
        "",
        OWNER,
        "take one of the jobs that the message names out of spec.trigger.dependsOn",
        None,
        "",
    ),
    "PoolMissing": (
        "RateLimitPool partner is not there: create it, or take it out of",
        "pools: partner",
        OWNER,
        "create the RateLimitPool that the message names",
        None,
        "",
    ),
    "OutsideWindow": (
        "its job's next window opens at 2023-11-15T03:00:00Z",
        "windows (Europe/Berlin): 04:00 to 05:00; it is Tue 2023-11-14 23:13 there",
        ITSELF,
        "who owns HTTPJob outsidewindow can change spec.trigger.windows",
        17200,
        "",
    ),
    "JobSuspended": (
        "its job is suspended",
        "it expires at 2023-11-14T23:13:21Z if it has not started",
        OWNER,
        "wavegate enable jobsuspended -n default",
        HOUR + 1,
        EXPIRES,
    ),
    "CircuitOpen": (
        "calls of http://tlsfailed.x:80 have failed in a row; one is tried at",
        "",
        ENDPOINT,
        "make the endpoint that the message names answer",
        61,
        "",
    ),
    "JobMissing": (
        "there is no HTTPJob of this name",
        "",
        OWNER,
        "apply HTTPJob jobmissing",
        None,
        "",
    ),
    "JobInvalid": (
        "its job is not understood",
        "HTTPJob jobinvalid: spec.trigger.schedule.cron: '0 0 30 2 *' never comes",
        OWNER,
        "correct HTTPJob jobinvalid: wavegate why hj/jobinvalid -n default says what is wrong",
        None,
        "",
    ),
}
