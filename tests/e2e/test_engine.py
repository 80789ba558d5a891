"""The pipeline driver against a real engine, on loopback: what it renders runs and is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.health import Reading
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.pipeline import PORT, PipelineDriver
from wavegate.health.scrape import open_session, read_counters

pytestmark = pytest.mark.nodes

DRIVER = PipelineDriver()
CACHE = Path.home() / ".cache" / "wavelab" / "bin"
WITH_ERRORS = {
    "input": {"generate": {"interval": "10ms", "mapping": "root.n = counter()"}},
    "pipeline": {
        "processors": [{"mapping": 'root = if this.n % 2 == 0 { throw("even") } else { this }'}]
    },
    "output": {"drop": {}},
}

Start = Callable[[dict[str, Any]], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture(scope="module")
def engine() -> Path:
    found = sorted(CACHE.glob("*/benthos"))
    assert found, f"no engine below {CACHE}: it is built with the local cluster"
    return found[-1]


@pytest.fixture
async def start(engine: Path, tmp_path: Path) -> AsyncIterator[Start]:
    """Runs a rendered config as the driver's pod does, with the node's name ``n1``."""
    processes: list[asyncio.subprocess.Process] = []

    async def run(config: dict[str, Any]) -> asyncio.subprocess.Process:
        spec = load_job_spec({"type": "pipeline", "config": config})
        (name, text), *_ = DRIVER.document(spec, "", PlanSettings()).items()
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        (main,) = DRIVER.pod(spec, "", PlanSettings())["spec"]["containers"]
        verb, path = main["args"]
        assert Path(path).name == name
        process = await asyncio.create_subprocess_exec(
            engine,
            verb,
            file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"NODE_NAME": "n1"},
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def reading_of(least: int) -> Reading:
    """The first reading of the engine on loopback with a total of at least ``least``."""
    source = DRIVER.counters(load_job_spec({"type": "pipeline", "config": {}}))
    assert source is not None
    async with open_session() as session, asyncio.timeout(20):
        while True:
            outcome = await read_counters(session, "127.0.0.1", source)
            if isinstance(outcome, Reading) and outcome.total >= least:
                return outcome
            await asyncio.sleep(0.02)


async def test_a_rendered_document_runs_and_its_errors_are_counted(start):
    await start({**WITH_ERRORS, "http": {"address": "127.0.0.1:1"}, "metrics": {"none": {}}})
    reading = await reading_of(50)
    assert reading.errors == pytest.approx(reading.total / 2, abs=2)


async def test_an_engine_without_processors_has_no_errors(start):
    await start({key: WITH_ERRORS[key] for key in ("input", "output")})
    reading = await reading_of(5)
    assert reading.errors == 0


async def test_the_engine_says_when_it_is_ready(start):
    await start(WITH_ERRORS)
    await reading_of(1)
    async with (
        open_session() as session,
        session.get(f"http://127.0.0.1:{PORT}/ready") as response,
    ):
        assert response.status == 200


async def test_every_character_reaches_the_engine_and_a_config_can_read_its_nodes_name(
    start, tmp_path
):
    text = 'é \U0001f600 \x7f\x85\u2028\ufeff " \\ # : yes 0o14'
    written = tmp_path / "out"
    process = await start(
        {
            "input": {"generate": {"count": 1, "mapping": "root = {}"}},
            "pipeline": {
                "processors": [
                    {"mapping": f"root.text = {json.dumps(text, ensure_ascii=False)}"},
                    {"mapping": 'root = this\nroot.node = "${NODE_NAME}"'},
                ]
            },
            "output": {"file": {"path": str(written), "codec": "lines"}},
        }
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, output.decode()
    assert json.loads(written.read_text(encoding="utf-8")) == {"text": text, "node": "n1"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param({**WITH_ERRORS, "outputs": {}}, "field outputs not recognised", id="a typo"),
        pytest.param(
            {**WITH_ERRORS, "pipeline": {"processors": [{"mapping": "root = throw("}]}},
            "expected function argument",
            id="a mapping that cannot be parsed",
        ),
    ],
)
async def test_a_config_that_the_engine_refuses_ends_it_with_its_own_words(start, config, message):
    process = await start(config)
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert message in output.decode()
