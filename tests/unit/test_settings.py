"""Settings from command line and environment."""

from __future__ import annotations

import pytest

from wavegate.domain.observed import PlanSettings
from wavegate.health.endpoint import Endpoint
from wavegate.settings import Settings, parse_settings


def test_without_any_option_the_defaults_hold():
    settings = parse_settings([], {})
    assert settings == Settings(identity=settings.identity)
    assert settings.for_plans() == PlanSettings()


def test_every_option_is_taken_from_the_command_line():
    settings = parse_settings(
        [
            *("--kubeconfig", "k", "--context", "c", "-n", "web", "--namespace", "shop"),
            *("--lease-namespace", "ops", "--lease-name", "l", "--identity", "me"),
            *("--metrics-bind", "127.0.0.1:0", "--pipeline-image", "i:2", "--lost-after", "90m"),
            *("--write-rate", "50", "--write-burst", "60", "--log-format", "json", "-v"),
            *("--prometheus-source", "a=http://p:9090", "--prometheus-source", "b=https://q/x"),
            *("--prometheus-token-file", "b=/t", "--prometheus-ca-file", "b=/ca"),
            *("--callback-url", "https://c.example/w/", "--callback-bind", "127.0.0.1:0"),
        ],
        {},
    )
    assert settings == Settings(
        kubeconfig="k",
        context="c",
        namespaces=("web", "shop"),
        lease_namespace="ops",
        lease_name="l",
        identity="me",
        metrics_host="127.0.0.1",
        metrics_port=0,
        pipeline_image="i:2",
        lost_after=5400.0,
        callback_url="https://c.example/w",
        callback_host="127.0.0.1",
        callback_port=0,
        write_rate=50.0,
        write_burst=60.0,
        prometheus={"a": Endpoint("http://p:9090"), "b": Endpoint("https://q/x", "/t", "/ca")},
        log_format="json",
        verbose=True,
    )


def test_every_option_is_taken_from_the_environment():
    settings = parse_settings(
        [],
        {
            "WAVEGATE_NAMESPACE": "web, shop",
            "WAVEGATE_LOST_AFTER": "2h",
            "WAVEGATE_METRICS_BIND": "[::1]:9090",
            "WAVEGATE_VERBOSE": "true",
            "WAVEGATE_LEASE_NAME": "other",
            "WAVEGATE_PROMETHEUS_SOURCE": "a=http://p:9090, b=https://q",
            "WAVEGATE_PROMETHEUS_TOKEN_FILE": "b=/t",
            "WAVEGATE_PROMETHEUS_CA_FILE": "b=/ca",
        },
    )
    assert settings.prometheus == {
        "a": Endpoint("http://p:9090"),
        "b": Endpoint("https://q", "/t", "/ca"),
    }
    assert settings.namespaces == ("web", "shop")
    assert settings.lost_after == 7200
    assert (settings.metrics_host, settings.metrics_port) == ("::1", 9090)
    assert settings.verbose
    assert settings.lease_name == "other"


def test_the_command_line_wins_over_the_environment():
    environ = {"WAVEGATE_NAMESPACE": "web", "WAVEGATE_LOG_FORMAT": "json"}
    settings = parse_settings(["-n", "shop", "--log-format", "text"], environ)
    assert settings.namespaces == ("shop",)
    assert settings.log_format == "text"


def test_jobs_may_name_the_sources_that_have_an_address():
    settings = parse_settings(["--prometheus-source", "main=http://p:9090"], {})
    assert settings.for_plans().prometheus_sources == {"main"}


def test_of_sources_too_the_command_line_wins():
    environ = {"WAVEGATE_PROMETHEUS_SOURCE": "a=http://p"}
    settings = parse_settings(["--prometheus-source", "b=http://q"], environ)
    assert list(settings.prometheus) == ["b"]


def test_two_processes_never_have_the_same_identity():
    assert parse_settings([], {}).identity != parse_settings([], {}).identity


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lost-after", "-5s"],
        ["--lost-after", "soon"],
        ["--write-rate", "0"],
        ["--write-rate", "nan"],
        ["--write-burst", "inf"],
        ["--metrics-bind", "8080"],
        ["--metrics-bind", "host:70000"],
        ["--log-format", "xml"],
        ["--callback-bind", "8090"],
        ["--callback-url", "c.example"],
        ["--callback-url", "ftp://c.example"],
        ["--callback-url", "http://"],
        ["--callback-url", "http://me:secret@c.example"],
        ["--callback-url", "http://c.example?a=b"],
        ["--callback-url", "http://c.example#a"],
        ["--callback-url", "http://c.example/a b"],
        ["--callback-url", "http://c.example/\r\nX-A: b"],
        ["--callback-url", "http://c.example/" + "a" * 512],
        ["--name", "web"],
        ["--prometheus-source", "http://p:9090"],
        ["--prometheus-source", "main="],
        ["--prometheus-source", "Main=http://p:9090"],
        ["--prometheus-source", "main=p:9090"],
        ["--prometheus-source", "main=file:///etc/passwd"],
        ["--prometheus-source", "main=http://"],
        ["--prometheus-source", "main=http://p:99999"],
        ["--prometheus-source", "main=http://p:9090#x"],
        ["--prometheus-source", "main=http://me@p:9090"],
        ["--prometheus-source", "main=http://me:secret@p:9090"],
        ["--prometheus-source", "main=http://p:9090?x=1"],
        ["--prometheus-token-file", "main=/t"],
        ["--prometheus-token-file", "a=/t", "--prometheus-source=a=http://p"],
        ["--prometheus-ca-file", "a=/t", "--prometheus-source=b=https://p"],
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as exit_info:
        parse_settings(arguments, {})
    assert exit_info.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_an_environment_that_cannot_be_meant_is_refused_too(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse_settings([], {"WAVEGATE_WRITE_RATE": "many"})
    assert "--write-rate" in capsys.readouterr().err


def test_help_explains_every_option(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_info:
        parse_settings(["--help"], {})
    assert exit_info.value.code == 0
    text = capsys.readouterr().out
    for word in ("--kubeconfig", "--namespace", "--lease-name", "--metrics-bind", "WAVEGATE_"):
        assert word in text


@pytest.mark.row("spec.config")
def test_directories_and_images_of_types_that_run_to_completion() -> None:
    options = ["--config-directory=/etc/app", "--config-directory=/opt/x", "--query-image=q:1"]
    plans = parse_settings(options, {"WAVEGATE_CONFIG_IMAGE": "c:1"}).for_plans()
    assert plans.config_directories == ("/etc/app", "/opt/x")
    assert (plans.query_image, plans.config_image) == ("q:1", "c:1")
    environ = {"WAVEGATE_CONFIG_DIRECTORY": "/etc/app, /opt/x"}
    assert parse_settings([], environ).config_directories == ("/etc/app", "/opt/x")
    assert parse_settings(["--config-directory=/srv"], environ).config_directories == ("/srv",)
    assert parse_settings([], {}).config_directories == ()


@pytest.mark.parametrize("directory", ["etc", "/", "//", "/etc/", "/etc/../root", ""])
def test_a_directory_is_absolute_normalised_and_not_the_whole_node(
    directory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_settings([f"--config-directory={directory}"], {})
    assert "--config-directory" in capsys.readouterr().err
