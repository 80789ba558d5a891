"""RunBatches by whole operator processes, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from sim.batch_story import (
    KEPT,
    SCHEMA,
    Noting,
    Reading,
    batch,
    calls,
    counts,
    ended,
    items,
    lay,
    status,
)
from sim.test_runs import World, play
from wavegate.dispatch.call import Call, Heard
from wavegate.runs.naming import item_name


def test_a_batch_makes_its_runs_and_counts_them_though_history_removes_them() -> None:
    async def story(world: World) -> None:
        world.job(runs={**KEPT, "payloadSchema": SCHEMA})
        batch(world, items=items(50), labels={"source": "crm"})
        found = await ended(world)
        assert (found["state"], found["reason"]) == ("Completed", "AllCompleted")
        assert found["message"] == "50 of 50 runs completed"
        assert counts(world) == {"total": 50, "completed": 50}
        assert sorted(Counter(calls(world)).values()) == [1] * 50
        # Once they count in the job's health, too, of which so many are named in a minute.
        await world.until(lambda: len(world.runs()) <= 3)
        left = world.cluster.list("JobRun")
        assert len(left) == 3, "the job's history limits hold"
        labels = left[0]["metadata"]["labels"]
        assert (labels["wavegate.dev/batch"], labels["source"]) == ("import", "crm")
        owners = [
            (each["kind"], each.get("controller"))
            for each in left[0]["metadata"]["ownerReferences"]
        ]
        assert owners == [("HTTPJob", True), ("RunBatch", None)]
        assert left[0]["status"]["triggeredBy"] == "Batch"
        await asyncio.sleep(3600)
        assert counts(world) == {"total": 50, "completed": 50}

    play(story)


def test_nothing_is_made_of_a_batch_with_one_wrong_item() -> None:
    async def story(world: World) -> None:
        world.job(runs={"payloadSchema": SCHEMA})
        wrong = [*items(30), {"key": "bad", "payload": '{"m": 1}'}, {"key": "none"}]
        batch(world, items=wrong)
        found = await ended(world)
        assert (found["state"], found["reason"]) == ("Refused", "ItemsInvalid")
        assert found["message"] == (
            '2 of 32 runs cannot be made, so none is: bad: payload: lacks "n"'
        )
        assert [each["key"] for each in found["errors"]] == ["bad", "none"]
        await asyncio.sleep(60)
        assert world.runs() == {}

    play(story)


def test_a_batch_waits_for_its_job() -> None:
    async def story(world: World) -> None:
        batch(world, items=items(3))
        await world.until(lambda: status(world).get("reason") == "JobMissing")
        assert status(world)["state"] == "Pending"
        world.job()
        assert (await ended(world))["state"] == "Completed"

    play(story)


def test_items_come_from_a_config_map_that_may_come_later() -> None:
    async def story(world: World) -> None:
        world.job(runs={"payloadSchema": SCHEMA})
        batch(world, itemsFrom={"configMapKeyRef": {"name": "lines", "key": "items.jsonl"}})
        await world.until(lambda: status(world).get("reason") == "ItemsMissing")
        await asyncio.sleep(12)
        assert status(world)["message"] == "there is no ConfigMap lines"
        lines = "\n".join([*(json.dumps({"payload": {"n": n}}) for n in range(20)), ""])
        lay(world, lines)
        assert (await ended(world))["state"] == "Completed"
        assert len(calls(world)) == 20
        assert reading.requests <= 5

    reading = Reading()
    play(story, trouble=lambda _: reading)


def test_more_than_wait_at_once_are_made_in_portions_and_none_is_refused() -> None:
    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(1)
            return Heard(http_status=200)

        world.endpoints.answer = slow
        world.job(runs={**KEPT, "limits": {"maxConcurrency": 2, "maxQueued": 10}})
        batch(world, items=items(40))
        batch(world, "second", items=items(10))
        await world.until(lambda: status(world).get("reason") == "MaxQueued")
        assert (await ended(world))["state"] == "Completed"
        assert (await ended(world, "second"))["state"] == "Completed"
        assert len(calls(world)) == 50

    play(story)


def test_how_runs_end_is_counted_and_the_first_errors_are_told() -> None:
    async def story(world: World) -> None:
        async def picky(call: Call) -> Heard:
            return Heard(http_status=422 if json.loads(call.body)["n"] % 2 else 200)

        world.endpoints.answer = picky
        world.job(runs=KEPT)
        batch(world, items=items(60))
        found = await ended(world)
        assert (found["state"], found["reason"]) == ("Failed", "RunsFailed")
        assert found["message"] == "30 of 60 runs completed, 30 failed"
        assert counts(world) == {"total": 60, "completed": 30, "failed": 30}
        assert len(found["errors"]) == 20
        assert found["errors"][0]["message"] == "Failed: answered 422"
        assert found["progress"] == "CF" * 30

    play(story)


def test_what_was_asked_for_by_key_before_stands_and_is_no_failure() -> None:
    async def story(world: World) -> None:
        world.job()
        keyed = [{**each, "idempotencyKey": each["key"]} for each in items(5)]
        batch(world, items=keyed)
        await ended(world)
        batch(world, "again", items=keyed)
        found = await ended(world, "again")
        assert (found["state"], counts(world, "again")) == (
            "Completed",
            {"total": 5, "duplicates": 5},
        )
        assert found["message"] == "0 of 5 runs completed, 5 stood already"
        assert len(calls(world)) == 5

    play(story)


def test_a_batch_that_is_canceled_makes_no_more_and_ends_what_it_has_made() -> None:
    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(20)
            return Heard(http_status=200)

        world.endpoints.answer = slow
        world.job(runs={"limits": {"maxConcurrency": 2, "maxQueued": 10}})
        world.ask("by-hand")
        batch(world, items=items(40))
        await world.until(lambda: counts(world).get("open", 0) >= 5)
        world.cluster.patch("RunBatch", "import", {"spec": {"canceled": True}})
        found = await ended(world)
        assert found["state"] == "Canceled"
        told = counts(world)
        assert told["canceled"] + told["pending"] + told.get("completed", 0) == 40
        assert told["pending"] >= 20
        await world.ended()
        assert world.phases()["by-hand"] == "Completed"
        made = [each for name, each in world.runs().items() if name != "by-hand"]
        reasons = Counter(each["message"].split(";")[0] for each in made)
        assert reasons["its RunBatch import is canceled"] == told["canceled"]

    play(story)


def test_a_batch_cancels_what_matches_and_was_asked_for_before() -> None:
    async def story(world: World) -> None:
        async def for_ever(_: Call) -> Heard:
            await asyncio.sleep(1e6)
            return Heard(http_status=200)

        world.endpoints.answer = for_ever
        world.job(runs={"limits": {"maxConcurrency": 3}, "failedHistoryLimit": 100})
        world.job("other", runs={"limits": {"maxConcurrency": 1}})
        for number in range(12):
            world.ask(f"r{number}")
        world.ask("spared", "other")
        await world.until(lambda: len(calls(world)) == 4)
        await asyncio.sleep(2)
        world.cluster.create("RunBatch", "stop", {"jobName": "app", "cancel": {}})
        await asyncio.sleep(1.1)
        world.ask("later")
        found = await ended(world, "stop")
        assert (found["state"], found["reason"]) == ("Completed", "AllEnded")
        assert found["message"] == "12 runs matched: HTTPJob app"
        assert counts(world, "stop") == {"total": 12}
        assert noting.written["stop"] <= 4
        phases = world.phases()
        assert Counter(phases.values()) == {"Canceled": 12, "Executing": 2}
        assert {phases["later"], phases["spared"]} == {"Executing"}
        assert world.runs()["r0"]["message"].startswith("RunBatch stop cancels it")
        open_calls = [made for made in world.endpoints.calls if made.ended is None]
        assert len(open_calls) == 2, "nobody waits for the calls of canceled runs"

    noting = Noting()
    play(story, trouble=noting.of)


def test_a_batch_replays_what_ended_badly_and_nothing_else() -> None:
    async def story(world: World) -> None:
        well = False

        async def answer(call: Call) -> Heard:
            bad = not well and json.loads(call.body)["n"] >= 5
            return Heard(http_status=422 if bad else 200)

        world.endpoints.answer = answer
        world.job(runs={"failedHistoryLimit": 100, "successfulHistoryLimit": 100})
        for number in range(10):
            world.ask(f"r{number}", payload=json.dumps({"n": number}), priority=number % 3)
        await world.ended()
        well = True
        world.cluster.create("RunBatch", "again", {"jobName": "app", "replay": {}})
        found = await ended(world, "again")
        assert found["state"] == "Completed"
        assert counts(world, "again") == {"total": 5, "completed": 5}
        made = [each for each in world.cluster.list("JobRun") if "replayOf" in each["spec"]]
        assert {each["spec"]["replayOf"] for each in made} == {f"r{n}" for n in range(5, 10)}
        assert {each["spec"].get("priority", 0) for each in made} == {0, 1, 2}
        assert len(calls(world)) == 15
        bodies = Counter(made.run for made in world.endpoints.calls)
        assert set(bodies.values()) == {1}

    play(story)


def test_a_batch_is_removed_once_its_time_is_over_and_its_runs_stay() -> None:
    async def story(world: World) -> None:
        world.job(runs=KEPT)
        batch(world, items=items(5), finishedTTL="1h")
        await ended(world)
        await asyncio.sleep(3500)
        assert world.cluster.get("RunBatch", "import") is not None
        await asyncio.sleep(200)
        assert world.cluster.get("RunBatch", "import") is None
        await asyncio.sleep(60)
        assert len(world.runs()) == 3

    play(story)


def test_a_batch_that_is_deleted_ends_none_of_its_runs_and_makes_no_more() -> None:
    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(5)
            return Heard(http_status=200)

        world.endpoints.answer = slow
        limits = {"maxConcurrency": 2, "maxQueued": 10}
        world.job(runs={"limits": limits, "successfulHistoryLimit": 100})
        batch(world, items=items(40))
        await world.until(lambda: len(world.runs()) >= 8)
        world.cluster.delete("RunBatch", "import")
        await asyncio.sleep(1)
        made = set(world.runs())
        await world.ended()
        assert set(world.phases().values()) == {"Completed"}
        assert set(world.runs()) == made

    play(story)


def test_a_run_that_somebody_deletes_is_not_made_again() -> None:
    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(5)
            return Heard(http_status=200)

        world.endpoints.answer = slow
        world.job(runs={"limits": {"maxConcurrency": 1}})
        batch(world, items=items(6))
        await world.until(lambda: len(calls(world)) == 2)
        waiting = [name for name, phase in world.phases().items() if phase == "Queued"]
        world.cluster.delete("JobRun", waiting[0])
        found = await ended(world)
        assert counts(world) == {"total": 6, "completed": 5, "deleted": 1}
        assert found["errors"][0]["reason"] == "Deleted"
        assert found["errors"][0]["key"].startswith("k")

    play(story)


def test_what_a_batch_writes_of_itself_does_not_grow_with_its_runs() -> None:
    async def story(world: World) -> None:
        world.job(runs=KEPT)
        batch(world, items=items(500))
        await ended(world)
        assert counts(world) == {"total": 500, "completed": 500}
        assert noting.written["import"] <= 25
        assert len(calls(world)) == 500

    noting = Noting()
    play(story, trouble=noting.of)


def test_where_the_job_is_deleted_its_runs_stay_with_the_batch_and_wait_for_another() -> None:
    async def story(world: World) -> None:
        async def slow(_: Call) -> Heard:
            await asyncio.sleep(3)
            return Heard(http_status=200)

        world.endpoints.answer = slow
        spec = {"runs": {"limits": {"maxConcurrency": 2, "maxQueued": 10}}}
        world.job(**spec)
        batch(world, items=items(30))
        await world.until(lambda: len(world.runs()) >= 10)
        world.cluster.delete("HTTPJob", "app")
        await world.until(lambda: status(world).get("reason") == "JobMissing")
        assert status(world)["state"] == "Running"
        await asyncio.sleep(60)
        assert len(world.runs()) >= 10
        world.job(**spec)
        assert (await ended(world))["state"] == "Completed"
        assert counts(world) == {"total": 30, "completed": 30}
        world.cluster.delete("HTTPJob", "app")
        await asyncio.sleep(5)
        assert world.runs(), "they are the batch's, too"
        world.cluster.delete("RunBatch", "import")
        await asyncio.sleep(5)
        assert world.runs() == {}

    play(story)


def test_lines_that_were_changed_meanwhile_are_not_made_until_they_are_as_they_were() -> None:
    async def story(world: World) -> None:
        world.job(runs={"limits": {"maxConcurrency": 1, "maxQueued": 4}}, suspend=True)
        lines = "\n".join(json.dumps({"payload": {"n": n}}) for n in range(8))
        lay(world, lines)
        batch(world, itemsFrom={"configMapKeyRef": {"name": "lines", "key": "items.jsonl"}})
        await world.until(lambda: len(world.runs()) == 3)
        world.cluster.patch(
            "ConfigMap", "lines", {"data": {"items.jsonl": lines.replace("7", "8")}}
        )
        for process in world.cluster.living:
            process.kill()
        await asyncio.sleep(30)
        world.cluster.patch("HTTPJob", "app", {"spec": {"suspend": False}})
        await world.until(lambda: status(world).get("reason") == "ItemsChanged")
        await asyncio.sleep(60)
        assert len(world.endpoints.calls) == 3
        world.cluster.patch("ConfigMap", "lines", {"data": {"items.jsonl": lines}})
        assert (await ended(world))["state"] == "Completed"
        assert len(world.endpoints.calls) == 8

    play(story)


def test_a_stranger_of_a_runs_name_is_left_alone_and_told_of() -> None:
    async def story(world: World) -> None:
        batch(world, items=items(3))
        await world.until(lambda: status(world).get("reason") == "JobMissing")
        uid = (world.cluster.get("RunBatch", "import") or {})["metadata"]["uid"]
        world.cluster.create("JobRun", item_name("app", uid, "k1"), {"jobName": "other"})
        world.job()
        await world.until(lambda: status(world).get("reason") == "RunRefused")
        assert status(world)["message"].endswith("exists already and is another's")
        await asyncio.sleep(30)
        assert len(calls(world)) == 2
        world.cluster.delete("JobRun", item_name("app", uid, "k1"))
        assert (await ended(world))["state"] == "Completed"
        assert len(calls(world)) == 3

    play(story)


def test_batches_of_a_job_share_its_room_and_none_of_their_runs_is_refused() -> None:
    async def story(world: World) -> None:
        limits = {"maxConcurrency": 1, "maxQueued": 10}
        world.job(suspend=True, runs={**KEPT, "limits": limits})
        source = {"configMapKeyRef": {"name": "lines", "key": "items.jsonl"}}
        batch(world, "a", itemsFrom=source)
        await world.until(lambda: status(world, "a").get("reason") == "ItemsMissing")
        for name in ("b", "c", "d"):
            batch(world, name, items=items(4))
        lay(world, "\n".join(["{}"] * 4))
        await world.until(lambda: len(world.runs()) == 9)
        await asyncio.sleep(60)
        assert len(world.runs()) == 9, "nine tenths of maxQueued"
        world.cluster.patch("HTTPJob", "app", {"spec": {"suspend": False}})
        for name in ("a", "b", "c", "d"):
            assert (await ended(world, name))["message"] == "4 of 4 runs completed"

    play(story)
