"""The baseline on the command line: what it accepts stays accepted, and nothing else is."""

import json

YAML = "import yaml\n\n\ndef load(text):\n    return yaml.load(text)\n"
SHELL = "import subprocess\n\n\ndef run(name):\n    subprocess.call('ls ' + name, shell=True)\n"
CLEAN = "def double(number):\n    return 2 * number\n"


def check(result, code: int, *, rules: list[str] | None = None) -> dict:
    """Judge a run with ``--format json``."""
    assert result.exit_code == code, result.output
    content = json.loads(result.stdout)
    if rules is not None:
        assert [finding["rule"] for finding in content["findings"]] == rules
    return content


def test_a_baseline_accepts_what_there_is_and_nothing_new(run, workspace):
    (workspace / "a.py").write_text(YAML)
    written = check(run("review", "--write-baseline", "--reason", "see SEC-12", "--format", "json"), 0, rules=[])
    assert written["summary"]["suppressed"] == {"baseline": 1}
    assert 'reason = "see SEC-12"' in (workspace / "codetune-baseline.toml").read_text()
    (workspace / "a.py").write_text("# moved\n\n" + YAML)
    check(run("review", "--format", "json"), 0, rules=[])
    (workspace / "a.py").write_text(YAML + SHELL)
    assert "S506" not in [f["rule"] for f in check(run("review", "--format", "json"), 1)["findings"]]


def test_a_baseline_follows_a_renamed_file_and_takes_its_new_name_when_it_is_written(run, workspace):
    (workspace / "a.py").write_text(YAML)
    run("review", "--write-baseline", "--reason", "kept")
    (workspace / "a.py").rename(workspace / "b.py")
    check(run("review", "--format", "json"), 0, rules=[])
    run("review", "--write-baseline", "--reason", "new")
    text = (workspace / "codetune-baseline.toml").read_text()
    assert 'path = "b.py"' in text
    assert 'path = "a.py"' not in text
    assert 'reason = "kept"' in text


def test_stale_entries_of_a_baseline_are_listed_and_kept(run, workspace):
    (workspace / "a.py").write_text(YAML)
    run("review", "--write-baseline")
    before = (workspace / "codetune-baseline.toml").read_text()
    (workspace / "a.py").write_text(CLEAN)
    result = run("review")
    assert result.exit_code == 0
    assert "these entries can be removed: S506 in a.py" in result.stdout
    run("review", "--write-baseline")
    assert (workspace / "codetune-baseline.toml").read_text() == before


def test_a_baseline_elsewhere_is_named_on_the_command_line(run, workspace):
    (workspace / "a.py").write_text(YAML)
    run("review", "--write-baseline", "--baseline", "accepted.toml")
    check(run("review", "--format", "json", "--baseline", "accepted.toml"), 0, rules=[])
    check(run("review", "--format", "json"), 1, rules=["S506"])


def test_a_broken_baseline_ends_with_2_and_nothing_is_overwritten(run, workspace):
    (workspace / "a.py").write_text(YAML)
    (workspace / "codetune-baseline.toml").write_text("<<<<<<< HEAD\n")
    for more in ([], ["--write-baseline"]):
        result = run("review", *more)
        assert result.exit_code == 2
        assert "codetune-baseline.toml is not valid TOML" in result.stderr
    assert (workspace / "codetune-baseline.toml").read_text() == "<<<<<<< HEAD\n"


def test_what_the_baseline_accepts_is_not_fixed(run, workspace):
    (workspace / "a.py").write_text(YAML)
    run("review", "--write-baseline")
    check(run("review", "--fix", "--format", "json"), 0, rules=[])
    assert (workspace / "a.py").read_text() == YAML


def test_a_baseline_that_cannot_be_written_ends_with_2(run, workspace):
    (workspace / "a.py").write_text(YAML)
    result = run("review", "--write-baseline", "--baseline", "no/such/baseline.toml")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_file_outside_the_workspace_can_be_accepted_too(run, workspace):
    (workspace.parent / "real.py").write_text(YAML)
    (workspace / "link.py").symlink_to("../real.py")
    check(run("review", "link.py", "--format", "json", "--write-baseline"), 0, rules=[])
    assert 'path = "link.py"' in (workspace / "codetune-baseline.toml").read_text()
    check(run("review", "link.py", "--format", "json"), 0, rules=[])
