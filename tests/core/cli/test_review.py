"""``codetune review`` from the command line to the exit code, with real workers."""

import codecs
import json

import pytest

YAML = "import yaml\n\n\ndef load(text):\n    return yaml.load(text)\n"
SAFE = YAML.replace("yaml.load(", "yaml.safe_load(")
SHELL = "import subprocess\n\n\ndef run(name):\n    subprocess.call('ls ' + name, shell=True)\n"
CLEAN = "def double(number):\n    return 2 * number\n"


def check(result, code: int, *, rules: list[str] | None = None) -> dict:
    """Judge a run with ``--format json``."""
    assert result.exit_code == code, result.output
    content = json.loads(result.stdout)
    if rules is not None:
        assert [finding["rule"] for finding in content["findings"]] == rules
    return content


def test_a_clean_file_ends_with_0_and_says_how_much_was_looked_at(run, workspace):
    (workspace / "a.py").write_text(CLEAN)
    result = run("review")
    assert result.exit_code == 0
    assert result.stdout.startswith("No findings. 1 file reviewed in ")


def test_a_finding_ends_with_1_and_is_told_in_full(run, workspace):
    (workspace / "sub").mkdir()
    (workspace / "sub" / "a.py").write_text(YAML)
    content = check(run("review", "--format", "json"), 1)
    (finding,) = content["findings"]
    expected = {
        "rule": "S506", "path": "sub/a.py", "start_line": 5, "start_column": 12, "end_line": 5, "end_column": 21,
        "symbol": "load", "detectors": ["ruff"], "stale": False, "evidence": [],
    }  # fmt: skip
    assert {key: finding[key] for key in expected} == expected
    assert 502 in finding["cwe"]
    assert (finding["fix"]["applicability"], finding["fix"]["verified"]) == ("safe", True)
    assert len(finding["id"]) == 16
    assert content["version"] == 1
    assert content["summary"]["files"] == 1
    assert content["summary"]["findings"][finding["severity"]] == 1


def test_the_order_and_the_findings_do_not_depend_on_the_number_of_jobs(run, workspace):
    for number in range(6):
        (workspace / f"m{number}.py").write_text(YAML + SHELL)
    one, four = (check(run("review", "--format", "json", "--jobs", jobs), 1) for jobs in (1, 4))
    assert one["findings"] == four["findings"]
    assert [finding["path"] for finding in one["findings"][::2]] == [f"m{number}.py" for number in range(6)]


@pytest.mark.parametrize(("least", "code"), [("info", 1), ("high", 1), ("critical", 0)])
def test_fail_on_decides_from_which_severity_a_finding_fails_the_run(run, workspace, least, code):
    (workspace / "a.py").write_text(YAML)
    check(run("review", "a.py", "--format", "json", "--fail-on", least), code, rules=["S506"])


def test_fail_on_comes_from_the_settings_where_the_command_line_is_silent(run, workspace):
    (workspace / "a.py").write_text(YAML)
    (workspace / "codetune.toml").write_text("fail_on = 'critical'\n")
    check(run("review", "--format", "json"), 0, rules=["S506"])
    check(run("review", "--format", "json", "--fail-on", "low"), 1, rules=["S506"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "xml"], "'xml' is not one of"),
        (["--fail-on", "dreadful"], "'dreadful' is not one of"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--nonsense"], "No such option"),
        (["--stdin-filename", "a.py", "b.py"], "leave the PATHS out"),
        (["-", "b.py"], "leave the other PATHS out"),
        (["--reason", "x"], "--reason goes with --write-baseline"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_a_hint(run, arguments, message):
    result = run("review", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_mistake_in_the_settings_is_said_and_the_rest_holds(run, workspace):
    (workspace / "a.py").write_text(YAML)
    (workspace / "codetune.toml").write_text("fail_onn = 'high'\n[rules]\nignore = ['S506']\n")
    content = check(run("review", "--format", "json"), 0, rules=[])
    assert content["summary"]["suppressed"] == {"setting": 1}
    assert "did you mean `fail_on`" in content["summary"]["notices"][0]["text"]


def test_what_cannot_be_reviewed_is_said_and_the_rest_is_reviewed(run, workspace):
    (workspace / "clean.py").write_text(CLEAN)
    (workspace / "latin.py").write_bytes(b"x = '\xe9'\n")
    (workspace / "loop.py").symlink_to("loop.py")
    (workspace / "named.py").mkdir()
    (workspace / "named.py" / "empty.py").write_text("")
    (workspace / "program").write_bytes(b"\x7fELF\0\0")
    (workspace / "huge.py").write_text("#" * 2_000_000)
    (workspace / "notes.txt").write_bytes(b"caf\xe9\n")
    names = ["clean.py", "latin.py", "named.py", "vanished.py", "program", "huge.py"]
    content = check(run("review", "--format", "json", *names), 3, rules=[])
    assert {problem["path"]: problem["text"].split(":")[0] for problem in content["summary"]["problems"]} == {
        "latin.py": "is not UTF-8",
        "vanished.py": "does not exist",
        "program": "is binary, not text",
    }
    assert content["summary"]["files"] == 2
    assert content["summary"]["skipped"] == {"larger than 1024 kB": 1}
    walked = check(run("review", "--format", "json"), 3)["summary"]
    assert [problem["path"] for problem in walked["problems"]] == ["latin.py"]
    assert walked["skipped"] == {
        "binary": 1, "larger than 1024 kB": 1, "not UTF-8": 1, "symbolic link": 1, "version control": 1,
    }  # fmt: skip


def test_a_named_loop_of_links_is_said(run, workspace):
    (workspace / "loop.py").symlink_to("loop.py")
    result = run("review", "loop.py")
    assert result.exit_code == 3
    assert "not reviewed: loop.py: cannot be read: too many levels of symbolic links" in result.stdout


def test_a_finding_counts_more_than_a_file_that_cannot_be_read(run, workspace):
    (workspace / "a.py").write_text(YAML)
    check(run("review", "--format", "json", "a.py", "gone.py"), 1, rules=["S506"])


def test_generated_files_are_skipped_unless_they_are_named(run, workspace):
    (workspace / "a_pb2.py").write_text(YAML)
    (workspace / "vendor").mkdir()
    (workspace / "vendor" / "b.py").write_text(YAML)
    skipped = check(run("review", "--format", "json"), 0, rules=[])["summary"]["skipped"]
    assert skipped == {"generated": 1, "vendored": 1, "version control": 1}
    check(run("review", "--format", "json", "a_pb2.py", "vendor"), 1, rules=["S506"])
    check(run("review", "--format", "json", "a_pb2.py", "vendor/b.py"), 1, rules=["S506", "S506"])


def test_a_file_that_does_not_parse_is_reviewed_as_far_as_it_goes(run, workspace):
    (workspace / "sub").mkdir()
    (workspace / "sub" / "a.py").write_text(YAML + "\n\ndef broken(:\n    pass\n")
    content = check(run("review", "--format", "json"), 1, rules=["S506"])
    assert content["summary"]["notices"][0]["text"].startswith("sub/a.py: a.py does not parse")


def test_a_file_that_does_not_parse_is_not_called_clean(run, workspace):
    (workspace / "a.py").write_text("def broken(:\n    pass\n")
    check(run("review", "--format", "json"), 3, rules=[])


def test_a_suppressed_finding_is_counted_and_told_apart(run, workspace):
    (workspace / "a.py").write_text(YAML.replace("(text)\n", "(text)  # codetune: ignore[S506] trusted file\n", 2))
    content = check(run("review", "--format", "json"), 0, rules=[])
    (suppressed,) = content["suppressed"]
    assert suppressed["suppression"] == {"kind": "comment", "reason": "trusted file"}
    assert content["summary"]["suppressed"] == {"comment": 1}


def test_the_workspace_of_a_path_elsewhere_gives_the_settings(run, workspace, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "codetune.toml").write_text("[rules]\nignore = ['S506']\n")
    (other / "a.py").write_text(YAML)
    content = check(run("review", "--format", "json", other), 0, rules=[])
    assert content["suppressed"][0]["path"] == "../other/a.py"


def test_the_standard_input_is_reviewed_under_its_name(run, workspace):
    (workspace / "codetune.toml").write_text("[rules.ignore_in]\n'gen/**' = ['S506']\n")
    named = check(run("review", "--stdin-filename", "src/a.py", "--format", "json", text=YAML), 1, rules=["S506"])
    assert named["findings"][0]["path"] == "src/a.py"
    check(run("review", "--stdin-filename", "gen/a.py", "--format", "json", text=YAML), 0, rules=[])
    check(run("review", "-", "--format", "json", text=YAML), 1, rules=["S506"])


def test_the_standard_input_must_be_text(run):
    content = check(run("review", "-", "--format", "json", text=b"\0\0"), 3)
    assert content["summary"]["problems"] == [{"path": "stdin.py", "text": "is binary, not text"}]


def test_fixing_the_standard_input_writes_the_text_to_the_output_and_the_report_beside_it(run):
    result = run("review", "--stdin-filename", "a.py", "--fix", text=YAML.replace("\n", "\r\n").encode())
    assert result.stdout_bytes == SAFE.replace("\n", "\r\n").encode()
    assert "Fixed 1 finding." in result.stderr
    assert result.exit_code == 0


def test_fixing_a_standard_input_that_is_no_text_gives_it_back(run):
    result = run("review", "-", "--fix", text=b"\0\xff")
    assert (result.exit_code, result.stdout_bytes) == (3, b"\0\xff")


def test_safe_fixes_are_written_and_what_remains_is_told(run, workspace):
    path = workspace / "a.py"
    path.write_bytes(codecs.BOM_UTF8 + (YAML + SHELL).replace("\n", "\r\n").encode())
    path.chmod(0o750)
    content = check(run("review", "--fix", "--format", "json"), 1)
    assert "S506" not in [finding["rule"] for finding in content["findings"]]
    assert [(fix["rule"], fix["line"]) for fix in content["summary"]["fixed"]] == [("S506", 5)]
    assert path.read_bytes() == codecs.BOM_UTF8 + (SAFE + SHELL).replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o750


def test_unsafe_fixes_are_applied_only_where_asked_for(run, workspace):
    (workspace / "a.py").write_text(SHELL)
    check(run("review", "--fix", "--format", "json"), 1)
    assert (workspace / "a.py").read_text() == SHELL
    assert "Fixed 1 finding." in run("review", "--unsafe-fixes").stdout
    assert "shell=True" not in (workspace / "a.py").read_text()


def test_a_report_can_go_to_a_file(run, workspace):
    (workspace / "a.py").write_text(YAML)
    for name in ("json", "text", "github", "sarif"):
        result = run("review", "a.py", "--format", name, "--output", f"report.{name}")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("1 finding: 1 high.")
    assert "S506" in (workspace / "report.text").read_text("utf-8")
    assert "\x1b" not in (workspace / "report.text").read_text("utf-8")
    assert (workspace / "report.github").read_text().startswith("::error file=a.py,line=5,")
    assert json.loads((workspace / "report.json").read_text())["version"] == 1
    assert json.loads((workspace / "report.sarif").read_text())["version"] == "2.1.0"


def test_a_report_that_cannot_be_written_ends_with_2(run, workspace):
    (workspace / "a.py").write_text(CLEAN)
    result = run("review", "--output", "no/such/directory.txt")
    assert result.exit_code == 2
    assert "cannot be written: no such file or directory" in result.stderr


def test_a_detector_that_cannot_run_leaves_the_run_incomplete(run, workspace):
    (workspace / "a.py").write_text(CLEAN)
    config = workspace.parent / "home" / "codetune"
    config.mkdir(parents=True)
    (config / "codetune.toml").write_text("[detectors.sarif.missing]\ncommand = ['no-such-program', '{file}']\n")
    content = check(run("review", "--format", "json"), 3, rules=[])
    assert "no-such-program" in content["summary"]["notices"][0]["text"]


def test_a_workspace_names_commands_only_once_it_is_trusted(run, workspace):
    (workspace / "a.py").write_text(CLEAN)
    (workspace / "codetune.toml").write_text("[detectors.sarif.own]\ncommand = ['no-such-program', '{file}']\n")
    (notice,) = check(run("review", "--format", "json"), 0)["summary"]["notices"]
    assert "run `codetune trust" in notice["text"]
    assert run("trust").exit_code == 0
    (notice,) = check(run("review", "--format", "json"), 3)["summary"]["notices"]
    assert "no-such-program" in notice["text"]
