"""The files of the Space: front matter as the Hub reads it, and an image that keeps what this page promises."""

import re
import tomllib
from pathlib import Path

import pytest
from huggingface_hub import RepoCard, SpaceCardData, SpaceHardware
from programs import output_of

from codetune_core.settings import Options, resolve

ROOT = Path(__file__).parents[3]
SPACE = ROOT / "remote" / "space"
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
"""https://huggingface.co/docs/hub/spaces-config-reference, as of 2026."""
KEYS = {
    *("title", "emoji", "colorFrom", "colorTo", "sdk", "app_port", "license", "short_description"),
    *("suggested_hardware", "startup_duration_timeout", "pinned"),
}


@pytest.fixture(scope="module")
def card() -> SpaceCardData:
    return SpaceCardData(**RepoCard((SPACE / "README.md").read_text(), ignore_metadata_errors=False).data.to_dict())


def test_the_front_matter_says_what_the_hub_needs_and_nothing_it_does_not_know(card):
    said = card.to_dict()
    assert set(said) == KEYS
    assert said["sdk"] == "docker"
    assert said["app_port"] == 7860
    assert said["license"] == "mit"
    assert {said["colorFrom"], said["colorTo"]} <= COLOURS
    assert said["suggested_hardware"] in {hardware.value for hardware in SpaceHardware}
    assert re.fullmatch(r"\d+[hm]", said["startup_duration_timeout"])
    assert len(said["short_description"]) <= 60
    assert len(said["emoji"]) == 1


def test_the_settings_of_the_space_hold(card):
    written = tomllib.loads((SPACE / "codetune.toml").read_text())
    resolved = resolve([Options("file", written)])
    assert resolved.notices == ()
    assert resolved.settings.serve.trust_proxy


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, continued lines joined, comments left out."""
    text = "\n".join(line for line in (SPACE / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines if line)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    starts = [number for number, (word, _) in enumerate(found) if word == "FROM"]
    assert len(starts) == 3
    return found[starts[-1] :]


def test_the_image_runs_as_uid_1000_on_the_port_of_the_front_matter(card):
    stage = dict(last_stage())
    assert stage["USER"] == "1000:1000"
    assert stage["EXPOSE"] == str(card.app_port)
    assert stage["STOPSIGNAL"] == "SIGTERM"
    assert str(card.app_port) in stage["CMD"]
    words = [word for word, _ in last_stage()]
    assert words.index("USER") > max(number for number, word in enumerate(words) if word in {"RUN", "COPY"})


@pytest.mark.parametrize("word", ["ENTRYPOINT", "CMD"])
def test_programs_are_started_without_a_shell(word):
    assert dict(last_stage())[word].startswith('["')


def test_the_health_check_needs_no_program_that_the_image_has_not():
    check = dict(last_stage())["HEALTHCHECK"]
    assert "curl" not in check
    assert "wget" not in check
    code = re.search(r'"-c", "(.*)"\]', check)[1]
    compile(code, "healthcheck", "exec")
    assert "/healthz" in code


def test_no_secret_and_no_build_tool_is_in_a_layer():
    for word, rest in instructions():
        if word in {"ARG", "ENV"}:
            assert not re.search(r"TOKEN|SECRET|PASSWORD|KEY", rest.upper()), rest
    assert ("COPY", "--from=build /opt/codetune /opt/codetune") in last_stage()
    assert not any("pip install" in rest for _, rest in last_stage())


def test_every_base_image_is_named_by_an_exact_version():
    # Written out: Dependabot does not follow an ARG.
    image, *others = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", image)
    assert set(others) == {"base"}


def test_what_is_sent_to_the_builder_is_only_what_is_copied():
    lines = [line for line in (SPACE / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    copied = {
        name for word, rest in instructions() if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]
    }
    assert {line.removeprefix("!") for line in lines[1:]} == copied


def test_hadolint_finds_nothing():
    assert output_of("hadolint", SPACE / "Dockerfile") == ""


@pytest.mark.parametrize(("extras", "told"), [("local,traces", "[local,traces]"), ("", "")])
@pytest.mark.parametrize("named", ["./codetune-0.1.0-py3-none-any.whl", "codetune"])
def test_the_extras_of_the_build_reach_pip(tmp_path, extras, told, named):
    script = re.search(r'(sed -i "s.*?") requirements', build_run())[1]
    (tmp_path / "requirements.txt").write_text(f"{named}[@EXTRAS@]\n")
    output_of("bash", "-c", f"CODETUNE_EXTRAS='{extras}'; {script} requirements.txt", cwd=tmp_path)
    assert (tmp_path / "requirements.txt").read_text() == f"{named}{told}\n"


def build_run() -> str:
    return next(rest for word, rest in instructions() if word == "RUN" and "sed" in rest)
