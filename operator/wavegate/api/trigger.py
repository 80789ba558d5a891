"""When runs are made by themselves, and when they may start."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from wavegate.api.base import JobName, Model, between, cel, like, listing, matching, rules
from wavegate.api.durations import Seconds
from wavegate.api.names import job_ref

ConcurrencyPolicy = Literal["Allow", "Forbid", "Replace", "Queue"]
CatchUp = Literal["Latest", "None", "All"]
DependencyCondition = Literal["Completed", "Failed", "Any"]
DependencyMode = Literal["Gate", "Trigger"]
RunKind = Literal["HTTPJob", "FleetJob"]
"""Kinds of which runs can be asked for."""
Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

_CRON: Final = (
    r"^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)"
    r"|[0-9A-Za-z*/,#-]+( +[0-9A-Za-z*/,#-]+){4})$"
)
_CRON_WORDS: Final = (
    "must have five fields (minute, hour, day of month, month, day of week), or be @hourly,"
    " @daily, @weekly, @monthly or @yearly"
)
_TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_TIME_WORDS: Final = "must be from 00:00 to 23:59"

Cron = Annotated[
    str,
    matching("spec.trigger.schedule.cron", _CRON, _CRON_WORDS, least=5, most=128),
    like(_CRON, _CRON_WORDS),
]
WindowCron = Annotated[
    str,
    matching("spec.trigger.windows.cron", _CRON, _CRON_WORDS, least=5, most=128),
    like(_CRON, _CRON_WORDS),
]
_TO = like(_TIME, _TIME_WORDS)
StartTime = Annotated[
    str, matching("spec.trigger.windows.start", _TIME, _TIME_WORDS, least=5, most=5), _TO
]
EndTime = Annotated[
    str, matching("spec.trigger.windows.end", _TIME, _TIME_WORDS, least=5, most=5), _TO
]


class Schedule(Model):
    """When a run is made by itself."""

    cron: Cron = Field(
        description="Five fields (minute, hour, day of month, month, day of week), or @hourly,"
        " @daily, @weekly, @monthly, @yearly, in spec.trigger.timeZone.",
    )
    concurrency_policy: ConcurrencyPolicy = Field(
        default="Forbid",
        description="What happens when a scheduled run is due and the one before has not ended:"
        " Allow (both), Forbid (this one is skipped, and counted), Replace (the one before is"
        " canceled) or Queue (it starts when that has ended).",
    )
    catch_up: CatchUp = Field(
        default="Latest",
        description="Which of the ticks that passed while nobody could act are made up for, none"
        " of them later than startingDeadline: Latest (one), None, or All (the newest 100). The"
        " others are counted as missed.",
    )
    starting_deadline: Seconds = Field(
        default=300.0,
        description="How late a tick may be made up for, from 10s to 168h.",
        json_schema_extra={
            **between("spec.trigger.schedule.startingDeadline", "10s", "168h"),
            "default": "5m",
        },
    )


class Window(Model):
    """A time in which runs may start."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.cron) != (has(self.start) && has(self.end)) &&"
                " has(self.start) == has(self.end) && (!has(self.cron) || !has(self.days))",
                "spec.trigger.windows: each needs a cron, or start and end (and days)",
                reason="FieldValueRequired",
            ),
            cel(
                "!has(self.start) || !has(self.end) || self.start != self.end",
                "spec.trigger.windows: start and end must differ; leave the window out for all day",
            ),
        )
    )

    cron: WindowCron | None = Field(
        default=None, description="The minutes at which runs may start, as five fields."
    )
    days: list[Day] = Field(
        default_factory=list,
        max_length=7,
        description="Days of the week on which it begins; without, each day.",
        json_schema_extra=listing("set"),
    )
    start: StartTime | None = Field(default=None, description="When it begins, as 22:00.")
    end: EndTime | None = Field(
        default=None,
        description="When it ends, as 06:00; that minute is outside. Before start: on the next"
        " day.",
    )


class Dependency(Model):
    """Another job of which the latest run says whether runs may start."""

    job_kind: RunKind | None = Field(
        default=None,
        description="Kind of the job: HTTPJob (which is meant where nothing is said) or FleetJob.",
    )
    job_name: JobName = Field(
        description="Name of the job, in the same namespace. Of one name only one kind."
    )
    condition: DependencyCondition | None = Field(
        default=None,
        description="How its latest run has to have ended: Completed (which is meant where nothing"
        " is said), Failed in whatever way, or Any of these. Runs that were Canceled or Expired say"
        " nothing, and are passed over.",
    )
    freshness: Seconds | None = Field(
        default=None,
        description="How long ago that may be, from 1s to 8760h; without, however long.",
        json_schema_extra=between("spec.trigger.dependsOn.freshness", "1s", "8760h"),
    )
    mode: DependencyMode | None = Field(
        default=None,
        description="Gate (which is meant where nothing is said): runs wait for it. Trigger: they"
        " wait for it, and each end of a run of it that is as condition says asks for a run of"
        " this job.",
    )

    @property
    def ref(self) -> str:
        """How the job is named among runs."""
        return job_ref(self.job_kind or "HTTPJob", self.job_name)


class Trigger(Model):
    """When runs are made and may start."""

    time_zone: Annotated[
        str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")
    ] = Field(
        default="UTC",
        description="Time zone of schedule and windows, by its IANA name such as Europe/Berlin.",
    )
    schedule: Schedule | None = Field(default=None, description="When a run is made by itself.")
    windows: list[Window] = Field(
        default_factory=list,
        max_length=16,
        description="Times in which runs may start, each attempt of them: one of these must hold."
        " Without: at any time.",
        json_schema_extra=listing("atomic"),
    )
    depends_on: list[Dependency] = Field(
        default_factory=list,
        max_length=10,
        description="Jobs whose latest runs decide whether runs of this one may start, at each"
        " attempt: all of them have to be as asked.",
        json_schema_extra=listing("map", "jobName"),
    )
