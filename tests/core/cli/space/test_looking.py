"""``codetune space status``, ``logs`` and ``wake`` against a Hub on this machine."""

import json

import pytest
from huggingface_hub import constants
from space_hub import Space


@pytest.fixture
def running(hub):
    hub.spaces["team/codetune"] = made = Space(private=True, stages=["RUNNING"], hardware="a100-large", sleep=600)
    return made


def test_status_says_stage_hardware_version_and_that_it_can_execute(space, hub, running):
    done = space("status", "team/codetune", "--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "space": "team/codetune",
        "url": f"{hub.url}/live/team/codetune",
        "stage": "RUNNING",
        "hardware": "a100-large",
        "requested_hardware": "a100-large",
        "sleeps_after_seconds": 600,
        "version": "0.1.0",
        "commit": "before",
        "ready": True,
    }
    assert "a100-large" in space("status", "team/codetune").stdout


def test_the_space_of_the_settings_is_meant_where_none_is_named(space, hub, running, tmp_path):
    folder = tmp_path / "home" / "codetune"
    folder.mkdir(parents=True)
    (folder / "codetune.toml").write_text('[remote]\nspace = "team/codetune"\n')
    assert space("status").exit_code == 0


@pytest.mark.parametrize("stage", ["SLEEPING", "BUILDING", "BUILD_ERROR", "PAUSED"])
def test_status_of_a_space_that_does_not_run_asks_only_the_hub(space, hub, running, stage):
    running.stages, running.message = [stage], "why"
    done = space("status", "team/codetune")
    assert done.exit_code == 1
    assert stage in done.stdout
    assert "why" in done.stdout
    assert not any("/live/" in line for line in hub.asked)


def test_status_of_a_service_that_cannot_execute_says_so(space, hub, running):
    hub.refuse["GET /live/team/codetune/readyz"] = (503, "loading")
    done = space("status", "team/codetune", "--format", "json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["ready"] is False
    hub.refuse["GET /live/team/codetune/version"] = (502, "")
    assert json.loads(space("status", "team/codetune", "--format", "json").stdout)["problem"] == "/version answered 502"


@pytest.mark.parametrize("command", ["status", "logs", "wake"])
def test_a_space_that_is_not_there_is_said(space, hub, command):
    done = space(command, "team/none")
    assert done.exit_code == 2
    assert "there is no such Space" in done.stderr


def test_logs_are_printed_and_cannot_steer_the_terminal(space, hub, running):
    assert space("logs", "team/codetune").stdout == "it serves\n"
    built = space("logs", "team/codetune", "--build").stdout
    assert built.startswith("step 1\nstep ")
    assert "\x1b" not in built


@pytest.mark.parametrize("stage", ["PAUSED", "STOPPED", "RUNTIME_ERROR"])
def test_a_space_that_was_paused_or_failed_is_started_anew(space, hub, running, stage):
    running.stages = [stage]
    done = space("wake", "team/codetune", "--timeout", 20)
    assert done.exit_code == 0, done.output
    assert "app starting" in done.stderr
    assert any(line.endswith("/restart") for line in hub.changes())


def test_a_space_that_sleeps_is_woken_by_asking_it(space, hub, running):
    running.stages = ["SLEEPING", "SLEEPING", "APP_STARTING", "RUNNING"]
    hub.refuse["GET /live/team/codetune/healthz"] = (503, "asleep")
    assert space("wake", "team/codetune", "--timeout", 0).exit_code == 2
    del hub.refuse["GET /live/team/codetune/healthz"]
    done = space("wake", "team/codetune", "--timeout", 20)
    assert done.exit_code == 0, done.output
    assert not any(line.endswith("/restart") for line in hub.changes())


def test_a_hub_that_cannot_be_reached_is_said(space, hub, monkeypatch, unused_tcp_port):
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused_tcp_port}")
    done = space("status", "team/codetune")
    assert done.exit_code == 2
    assert "cannot be reached" in done.stderr


def test_the_hub_is_not_asked_where_the_user_is_offline(space, hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    done = space("status", "team/codetune")
    assert done.exit_code == 2
    assert "HF_HUB_OFFLINE" in done.stderr
    assert hub.asked == []
