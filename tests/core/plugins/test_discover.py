"""Plugins are found, and told apart, without being run."""

import json
import subprocess
import sys
import textwrap

import pytest
from plugin_files import returns, settings, tool

from codetune_core.plugins.discover import Status, discover
from codetune_core.plugins.metadata import Kind

SHIPPED = {"codet5p", "whiterabbitneo"}


def found(folder, workspace=None, *, trusted=False, **values):
    """What is found beside what ships, by name and in order."""
    configured = settings(folder, **values)
    plugins = discover(configured, workspace, trusted=trusted)
    return [each for each in plugins if each.kind is not Kind.DETECTOR and each.name not in SHIPPED]


def one(folder, **values):
    (plugin,) = found(folder, **values)
    return plugin


def test_a_file_says_what_it_is_without_being_run(folder):
    said = {
        "description": "Counts.", "version": "2.1", "author": "Ada", "tags": ("a", "b"), "tasks": ("x",),
        "capabilities": ("model", "files"), "model": "tiny",
    }  # fmt: skip
    source = tool("it", "def run(self, request): ...", top="raise SystemExit('it was run')", base="LLMPlugin", **said)
    (folder / "it.py").write_text(source)
    plugin = one(folder)
    assert plugin.metadata.model_dump() == {"name": "it", "interface": "1.0", **said}
    assert (plugin.kind, plugin.status, plugin.file, plugin.origin) == (
        Kind.LLM, Status.NOT_LOADED, folder / "it.py", str(folder / "it.py"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("base", "kind"),
    [
        ("AgentTool", Kind.TOOL), ("api.LLMPlugin", Kind.LLM), ("CodeGenPlugin", Kind.CODEGEN),
        ("Mixin, EmbeddingPlugin", Kind.EMBEDDING), ("Own", Kind.TOOL),
    ],
)  # fmt: skip
def test_the_kind_is_that_of_the_class(folder, base, kind):
    (folder / "it.py").write_text(tool("it", "pass", base=base))
    assert one(folder).kind is kind


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"def (", "line 1 is no Python"),
        (b"x = 1\n\n  y", "line 3 is no Python"),
        (b"\0", "no Python"),
        ("x = 'Zürich'".encode("latin-1"), "no Python"),
        (b"(" * 10_000, "no Python"),
        (b"x = " + b"-" * 200_000 + b"1", "no Python"),
        (b"#" * 1_000_001, "larger than 1,000,000 bytes"),
        (b"", "0 classes with METADATA"),
        (b"METADATA = ToolMetadata(name='x')", "0 classes with METADATA"),
        (b"class A:\n    METADATA = dict(name='x')", "0 classes"),
        (
            b"class A:\n M = 1\n METADATA = ToolMetadata(name='a')\nclass B:\n METADATA: X = ToolMetadata(name='b')",
            "2 classes",
        ),
        (b"class A:\n    METADATA = ToolMetadata(name=NAME)", "METADATA of A (line 2) is not written with literals"),
        (b"class A:\n    METADATA = ToolMetadata(**{})", "literals only|name: field required"),
        (b"class A:\n    METADATA = ToolMetadata(version='1')", "METADATA of A: name: field required"),
        (b"class A:\n    METADATA = ToolMetadata(name='a b')", "METADATA of A: name: string should match"),
        (b"class A:\n    METADATA = ToolMetadata(name='a', tags='xy')", "tags: input should be a valid tuple"),
        (b"class A:\n    METADATA = ToolMetadata(name='a', colour='red')", "colour: extra inputs are not permitted"),
        (b"class A:\n    METADATA = ToolMetadata(name='a', capabilities=('root',))", "capabilities.0: input should be"),
        (b"class A:\n    METADATA = ToolMetadata(name='a', interface='one')", "interface: string should match"),
        (b"class A:\n    METADATA = ToolMetadata(name='a', interface='1.7')", "1.7, and this CodeTune has 1.0"),
        (b"class A:\n    METADATA = ToolMetadata(name='a', interface='2.0')", "update the older of the two"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_plugin_is_an_error_with_its_reason_and_hides_no_other(folder, source, says):
    (folder / "bad.py").write_bytes(source)
    (folder / "good.py").write_text(returns("good", "1"))
    bad, good = found(folder)
    assert bad.status is Status.ERROR
    assert any(part in bad.reason for part in says.split("|")), bad.reason
    assert (good.name, good.status) == ("good", Status.NOT_LOADED)


def test_what_is_no_python_file_is_passed_over(folder):
    for name in ("_helper.py", ".hidden.py", "notes.txt", "it.pyc"):
        (folder / name).write_text(returns("it", "1"))
    (folder / "folder").mkdir()
    assert found(folder) == []
    assert found(folder / "nowhere") == []


def test_a_file_that_cannot_be_read_is_said(folder):
    (folder / "it.py").symlink_to(folder / "nowhere")
    assert one(folder).reason == "it cannot be read: no such file or directory"
    (folder / "it.py").unlink()
    (folder / "ä b.py").mkdir()
    assert one(folder).name == "x--b"


def test_a_name_belongs_to_who_had_it_first(folder):
    (folder / "a.py").write_text(returns("codet5p", "1"))
    (folder / "b.py").write_text(returns("ruff", "1"))
    taken = {each.origin: each for each in discover(settings(folder)) if each.status is Status.ERROR}
    assert taken[str(folder / "a.py")].reason == "its name is that of package codetune: rename one of them"
    assert str(folder / "b.py") in taken


def test_what_is_switched_off_is_said(folder):
    (folder / "it.py").write_text(returns("it", "1"))
    plugin = one(folder, disabled=("it", "codet5p"))
    assert (plugin.status, plugin.reason) == (Status.DISABLED, "switched off by plugins.disabled")


def test_detectors_are_listed_and_switched_by_their_own_settings(folder):
    configured = settings(folder).model_validate(
        {"detectors": {"disabled": ["secrets"], "sarif": {"bandit": {"command": ["bandit", "{file}"]}}}}
    )
    plugins = {each.name: each for each in discover(configured) if each.kind is Kind.DETECTOR}
    assert plugins.keys() >= {"ruff", "secrets", "calls", "bandit"}
    assert (plugins["secrets"].status, plugins["secrets"].reason) == (
        Status.DISABLED,
        "switched off by detectors.disabled",
    )
    assert plugins["ruff"].metadata.description.startswith("Findings of ruff's security rules")
    assert plugins["bandit"].metadata.description == "The command bandit, which writes SARIF."


@pytest.mark.parametrize("trusted", [True, False])
def test_a_workspace_brings_plugins_only_where_it_is_trusted(folder, tmp_path, trusted):
    own = tmp_path / "work" / ".codetune" / "plugins"
    own.mkdir(parents=True)
    (own / "theirs.py").write_text(returns("friendly", "1", description="Run me!"))
    (plugin,) = found(folder, tmp_path / "work", trusted=trusted)
    if trusted:
        assert (plugin.name, plugin.status, plugin.file) == ("friendly", Status.NOT_LOADED, own / "theirs.py")
    else:
        assert (plugin.name, plugin.metadata.description, plugin.file) == ("theirs", "", None)
        assert (plugin.status, plugin.reason) == (
            Status.NOT_TRUSTED, f"read it, then run `codetune trust {tmp_path / 'work'}`",
        )  # fmt: skip


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Install a package of a module on the path, with an entry point."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def install(source: str, target="acme_tools.inner.counter:Tool") -> None:
        package = folder / "acme_tools"
        (package / "inner").mkdir(parents=True)
        for path in (package, package / "inner"):
            (path / "__init__.py").write_text("raise SystemExit('it was imported')")
        (package / "inner" / "counter.py").write_text(source)
        about = folder / "acme_tools-3.2.dist-info"
        about.mkdir()
        metadata = "Metadata-Version: 2.1\nName: acme-tools\nVersion: 3.2\nSummary: Counts things.\nAuthor: Acme\n"
        (about / "METADATA").write_text(metadata)
        (about / "entry_points.txt").write_text(f"[codetune.plugins]\ncounter = {target}\n")

    return install


def test_a_package_s_plugin_says_what_it_is_without_being_imported(folder, site):
    site(tool("counter", "pass", base="LLMPlugin", description="Mine.", version="9"))
    plugin = one(folder)
    assert (plugin.metadata.description, plugin.metadata.version, plugin.kind) == ("Mine.", "9", Kind.LLM)
    assert (plugin.origin, plugin.target) == ("package acme-tools", "acme_tools.inner.counter:Tool")
    assert "acme_tools" not in sys.modules


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("class Tool:\n    METADATA = ToolMetadata(name=NAME)", "acme_tools.inner.counter:Tool"),
        (tool("other", "pass"), "acme_tools.inner.counter:Tool"),
        ("def (", "acme_tools.inner.counter:Tool"),
        ("", "acme_tools.inner.nowhere:Tool"),
        ("", "nowhere:Tool"),
    ],
)
def test_where_a_package_does_not_say_it_in_literals_its_distribution_does(folder, site, source, target):
    site(source, target)
    metadata = one(folder).metadata
    assert (metadata.name, metadata.description, metadata.version, metadata.author) == (
        "counter", "Counts things.", "3.2", "Acme",
    )  # fmt: skip


def test_finding_plugins_imports_none_of_them():
    code = """
        import json, sys
        from codetune_core.plugins.discover import discover
        from codetune_core.settings import Settings
        names = [found.name for found in discover(Settings())]
        print(json.dumps([names, sorted(sys.modules)]))
        """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    names, modules = json.loads(run.stdout)
    assert set(names) > SHIPPED
    shipped = [name for name in modules if ".shipped." in name or name.startswith("codetune_core.detectors")]
    assert shipped == []
