"""``codetune space deploy`` against a Hub on this machine: what it uploads and sets, and when it is done."""

import tomllib

import pytest
from space_hub import Space

from codetune_core.settings import Options, Settings, resolve


@pytest.fixture
def deploy(space, hub, wheel):
    return lambda *arguments: space("deploy", "team/codetune", "--wheel", wheel, *arguments)


def existing(hub, **changed) -> Space:
    hub.spaces["team/codetune"] = space = Space(private=True, **changed)
    space.secrets.setdefault("CODETUNE_ADMIN_KEY_SHA256", "5" * 64)
    return space


def test_a_new_space_is_made_with_everything_and_waited_for(deploy, hub, monkeypatch):
    monkeypatch.setenv("READ_ONLY", "hf_read")
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "postgresql://service:pass@db.example.com:443/codetune")
    done = deploy("--secret", "HF_TOKEN=READ_ONLY", "--variable", "A=b=c", "--sleep", 600, "--timeout", 20)
    assert done.exit_code == 0, done.output
    made = hub.spaces["team/codetune"]
    assert made.private
    assert (made.hardware, made.sleep) == ("a100-large", 600)
    assert made.secrets == {
        "CODETUNE_ADMIN_KEY_SHA256": "5" * 64,
        "CODETUNE_DATABASE_URL": "postgresql://service:pass@db.example.com:443/codetune",
        "HF_TOKEN": "hf_read",
    }
    assert made.variables == {"A": "b=c"}
    assert f"runs {made.running} at {hub.url}/live/team/codetune" in done.stdout
    assert hub.tokens == {"Bearer hf_of_the_deployer"}
    assert not any(secret in done.output for secret in made.secrets.values())


def test_what_is_uploaded_makes_an_image_that_says_its_own_commit(deploy, hub, wheel):
    deploy("--no-wait")
    files = hub.spaces["team/codetune"].files
    own = {"Dockerfile", "README.md", "codetune.toml", "commit", "constraints.txt", "requirements.txt"}
    assert set(files) == own | {".dockerignore", ".gitattributes", wheel.name}
    assert files[wheel.name] == wheel.read_bytes()
    assert files["requirements.txt"].decode() == f"./{wheel.name}[@EXTRAS@]\n"
    assert b'space = "team/codetune"' in files["README.md"]
    assert b"OWNER" not in files["README.md"]


def test_the_service_lets_itself_be_reached_under_the_name_that_the_hub_gave_the_space(deploy, hub):
    deploy("--no-wait")
    written = tomllib.loads(hub.spaces["team/codetune"].files["codetune.toml"].decode())
    resolved = resolve([Options("file", written)])
    assert resolved.notices == ()
    assert resolved.settings.serve.allowed_hosts == (hub.url.removeprefix("http://"),)
    assert resolved.settings.serve.trust_proxy
    assert resolved.settings.serve.drain_seconds < Settings().serve.drain_seconds


def test_it_is_done_only_when_the_new_commit_answers_though_the_hub_says_running_before(deploy, hub):
    there = existing(hub, stages=["RUNNING"], stale=4)
    done = deploy("--timeout", 20)
    assert done.exit_code == 0, done.output
    assert there.stale == 0
    assert "running, with what ran before" in done.stderr
    assert sum(line.endswith("/version") for line in hub.asked) == 5


def test_the_next_deployment_changes_only_what_differs(deploy, hub):
    deploy("--bucket", "team/data", "--timeout", 20)
    hub.asked.clear()
    hub.spaces["team/codetune"].stages = ["RUNNING"]
    done = deploy("--bucket", "team/data", "--timeout", 20)
    assert done.exit_code == 0, done.output
    kinds = {line.rpartition("/")[2] for line in hub.changes()} - {"main", "validate-yaml"}
    assert kinds == {"data", "secrets"}  # a bucket that is there is asked for again; a secret cannot be compared


def test_hardware_sleep_variables_and_visibility_of_an_existing_space_are_changed(deploy, hub):
    there = existing(hub, variables={"A": "1", "KEPT": "k"}, hardware="t4-small", sleep=60)
    done = deploy("--variable", "A=2", "--hardware", "l40sx1", "--public", "--sleep", -1, "--no-wait")
    assert done.exit_code == 0, done.output
    assert (there.hardware, there.sleep, there.private) == ("l40sx1", -1, False)
    assert there.variables == {"A": "2", "KEPT": "k"}
    assert "old.txt" not in there.files


def test_only_the_time_to_sleep_is_changed_where_the_hardware_is_right(deploy, hub):
    there = existing(hub, hardware="a100-large", sleep=60)
    deploy("--no-wait")
    assert there.sleep == 3600
    assert not any(line.endswith("/hardware") for line in hub.changes())


def test_a_bucket_is_made_and_mounted_for_snapshots_beside_other_volumes(deploy, hub):
    model = {"type": "model", "source": "Qwen/x", "mountPath": "/weights"}
    there = existing(hub, volumes=[model])
    done = deploy("--bucket", "team/data", "--no-wait")
    assert done.exit_code == 0, done.output
    assert hub.buckets == ["team/data"]
    assert there.volumes == [model, {"type": "bucket", "source": "team/data", "mountPath": "/data"}]
    assert there.variables["CODETUNE_SNAPSHOTS"] == "/data/codetune"


def test_continuous_integration_uploads_and_touches_no_setting(deploy, hub, monkeypatch):
    monkeypatch.delenv("CODETUNE_ADMIN_KEY_SHA256")
    there = existing(hub, hardware="t4-small", stages=["BUILDING", "RUNNING"])
    done = deploy("--upload-only", "--timeout", 20)
    assert done.exit_code == 0, done.output
    assert there.hardware == "t4-small"
    assert {line.rpartition("/")[2] for line in hub.changes()} <= {"main", "validate-yaml"}
    assert "team/codetune runs" in done.stdout


def test_a_dry_run_says_everything_but_secrets_and_asks_nobody(deploy, hub, monkeypatch):
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "postgresql://service:hunter2@db:8080/codetune")
    done = deploy("--dry-run", "--bucket", "team/data", "--model", "Qwen2.5-Coder-1.5B")
    assert done.exit_code == 0
    assert hub.asked == []
    for expected in ("a100-large", "Dockerfile", "secret CODETUNE_DATABASE_URL: 45 characters", "Qwen2.5-Coder-1.5B"):
        assert expected in done.stdout
    assert "hunter2" not in done.output


@pytest.mark.parametrize(
    ("request_line", "status", "words"),
    [
        ("POST /api/repos/create", 402, "subscription"),
        ("POST /api/repos/create", 403, "quota"),
        ("GET /api/spaces/team/codetune", 401, "hf auth login"),
        ("POST /api/spaces/team/codetune/commit/main", 413, "larger than the Hub takes"),
        ("POST /api/spaces/team/codetune/preupload/main", 409, "try again"),
        ("POST /api/repos/create", 400, "the Hub answered 400"),
    ],
)
def test_what_the_hub_refuses_is_said_with_what_to_do_and_its_own_words(deploy, hub, request_line, status, words):
    hub.refuse[request_line] = (status, "in the Hub's own words")
    done = deploy("--timeout", 5)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_hardware_that_has_to_be_paid_for_is_refused_before_anything_is_uploaded(deploy, hub):
    there = existing(hub)
    hub.refuse["POST /api/spaces/team/codetune/hardware"] = (402, "Payment required")
    done = deploy()
    assert done.exit_code == 2
    assert "Payment required" in done.stderr
    assert "commit" not in there.files


@pytest.mark.parametrize(
    ("stage", "todo"),
    [
        ("BUILD_ERROR", "codetune space logs team/codetune --build"),
        ("RUNTIME_ERROR", "codetune space logs team/codetune"),
        ("CONFIG_ERROR", "its page"),
        ("PAUSED", "codetune space wake"),
    ],
)
@pytest.mark.parametrize("sha", ["0" * 40, ""])
def test_a_space_that_ends_otherwise_is_said_with_the_next_step(deploy, hub, stage, todo, sha):
    existing(hub, stages=["BUILDING", stage], message="exit code 1", sha=sha)
    done = deploy("--timeout", 20)
    assert done.exit_code == 2
    assert f"{stage} (exit code 1)" in done.stderr
    assert todo in done.stderr


def test_the_error_of_an_earlier_build_does_not_count(deploy, hub):
    there = existing(hub, sha="", stages=["BUILD_ERROR", "BUILD_ERROR", "BUILDING", "RUNNING"])
    done = deploy("--timeout", 20)
    assert done.exit_code == 0, done.output
    assert there.running != "before"


def test_it_waits_no_longer_than_asked(deploy, hub):
    existing(hub, stages=["BUILDING"])
    done = deploy("--timeout", 0)
    assert done.exit_code == 2
    assert "still BUILDING after 0 s" in done.stderr


def test_ctrl_c_says_that_what_was_begun_goes_on(deploy, hub, monkeypatch):
    existing(hub, stages=["BUILDING"])

    def interrupt(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    done = deploy()
    assert done.exit_code == 130
    assert "codetune space status" in done.stderr


def test_a_service_that_nobody_has_a_key_to_is_not_deployed(deploy, hub, monkeypatch):
    monkeypatch.delenv("CODETUNE_ADMIN_KEY_SHA256")
    done = deploy()
    assert done.exit_code == 2
    assert "codetune keys create --offline" in done.stderr
    assert hub.changes() == []


def test_a_key_that_the_space_has_already_is_enough(deploy, hub, monkeypatch):
    existing(hub)
    monkeypatch.delenv("CODETUNE_ADMIN_KEY_SHA256")
    assert deploy("--no-wait").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--secret", "NOT_SET"), "NOT_SET is not set"),
        (("--variable", "A"), "NAME=VALUE"),
        (("--wheel", __file__), "no wheel"),
        (("--config", __file__), "cannot be read"),
        (("--model", "WhiteRabbitNeo-33B-v1"), "--accept-licence"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_hub_is_asked(deploy, hub, arguments, words):
    done = deploy(*arguments)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert hub.changes() == []


def test_a_secret_written_on_the_command_line_is_not_repeated(deploy, hub):
    done = deploy("--secret", "TOKEN=hf-abc-123")
    assert done.exit_code == 2
    assert "hf-abc-123" not in done.output


def test_a_mistake_in_the_services_settings_is_said_before_anything_changes(deploy, hub, tmp_path):
    (tmp_path / "own.toml").write_text("[serve]\nconcurent = 3\n")
    done = deploy("--config", tmp_path / "own.toml")
    assert done.exit_code == 2
    assert "did you mean `concurrent`" in done.stderr
    assert hub.changes() == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u@db/codetune", "80, 443 and 8080"),
        ("postgresql://u@db:5432/codetune", "80, 443 and 8080"),
        ("postgresql://u@db:443/codetune", None),
        ("", "lost whenever the Space starts anew"),
    ],
)
def test_a_database_that_a_space_cannot_reach_or_keep_is_warned_of(deploy, monkeypatch, url, words):
    if url:
        monkeypatch.setenv("CODETUNE_DATABASE_URL", url)
    done = deploy("--dry-run")
    assert (words in done.stderr) if words else done.stderr == ""


def test_without_a_token_or_a_name_it_says_what_is_missing(space, hub, wheel, monkeypatch):
    assert "OWNER/NAME" in space("deploy", "--wheel", wheel).stderr
    assert "OWNER/NAME" in space("deploy", "team", "--wheel", wheel).stderr
    monkeypatch.delenv("HF_TOKEN")
    assert "hf auth login" in space("deploy", "team/codetune", "--wheel", wheel).stderr
