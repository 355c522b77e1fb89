"""``codetune trust`` on the command line."""


def check(result, code: int, words: str) -> None:
    assert result.exit_code == code, result.output
    assert words in result.output


def test_the_workspace_around_the_working_directory_is_trusted(run, workspace, monkeypatch):
    (workspace / "sub").mkdir()
    monkeypatch.chdir(workspace / "sub")
    check(run("trust"), 0, f"{workspace} is now trusted")
    check(run("trust"), 0, f"{workspace} is already trusted")
    check(run("trust", "--list"), 0, f"{workspace}\n")
    check(run("trust", "--remove"), 0, f"{workspace} is now not trusted")


def test_a_directory_can_be_named(run, tmp_path):
    check(run("trust", tmp_path), 0, f"{tmp_path} is now trusted")


def test_a_list_of_nothing_says_so_and_changes_nothing(run):
    check(run("trust", "--list"), 0, "no workspace is trusted")


def test_a_directory_that_is_not_there_is_a_mistake(run):
    check(run("trust", "nowhere"), 2, "does not exist")


def test_a_broken_file_is_said(run, workspace):
    folder = workspace.parent / "home" / "codetune"
    folder.mkdir(parents=True)
    (folder / "trusted.toml").write_text("[")
    check(run("trust"), 2, "trusted.toml cannot be read")
    check(run("trust", "--list"), 2, "Mend it")
