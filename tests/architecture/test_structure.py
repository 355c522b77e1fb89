"""The house rules that a machine can check: layers, light start-up, docstrings, sizes, and what no file may name."""

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "codetune_core", ROOT / "server" / "codetune_server"]
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
TRACKED = [
    ROOT / name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    if name and (ROOT / name).is_file()
]
HEAVY = ("torch", "transformers", "sqlalchemy", "alembic", "asyncpg", "jinja2", "libcst", "detect_secrets", "bandit")
MAX_LINES = 320
MAX_FUNCTION = 60


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported_by(statement: str) -> set[str]:
    """Top-level modules loaded after a statement ran in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_layers_hold():
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


@pytest.fixture(scope="module")
def parsed():
    """Each module's text and syntax tree, by its name."""
    texts = {name(path): path.read_text() for path in MODULES}
    return {path: (text, ast.parse(text)) for path, text in texts.items()}


def says_what_it_is_for(tree: ast.Module) -> bool:
    first = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
    return first.endswith(".") and ". " not in first.replace("e.g. ", "").replace("i.e. ", "")


def test_a_module_begins_with_one_sentence_that_says_what_it_is_for(parsed):
    assert len(parsed) > 300
    assert [path for path, (_, tree) in parsed.items() if not says_what_it_is_for(tree)] == []


def test_a_package_re_exports_nothing(parsed):
    packages = {path: tree for path, (_, tree) in parsed.items() if path.endswith("/__init__.py")}
    assert len(packages) > 30
    assert [path for path, tree in packages.items() if len(tree.body) != 1] == []


def test_modules_and_functions_can_be_known_at_a_glance(parsed):
    assert [path for path, (text, _) in parsed.items() if text.count("\n") > MAX_LINES] == []
    functions = [
        (path, node)
        for path, (_, tree) in parsed.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [(path, f.name) for path, f in functions if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION] == []


def test_every_folder_of_a_package_is_a_package():
    folders = {path.parent for path in MODULES}
    assert [name(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import codetune_core.cli.main", (*HEAVY, "rich", "pydantic", "pygls", "tree_sitter", "yaml")),
        ("import codetune_core.cli.db", (*HEAVY, "rich", "pydantic")),
        ("import codetune_core.cli.prompts.group", (*HEAVY, "rich", "pydantic")),
        ("import codetune_core.cli.history", (*HEAVY, "rich", "pydantic")),
        ("import codetune_core.cli.cache", (*HEAVY, "rich", "pydantic")),
        ("import codetune_server.app", (*HEAVY, "rich", "pydantic", "tree_sitter", "yaml")),
        ("import codetune_server.assembly", (*HEAVY, "rich", "pydantic", "tree_sitter", "yaml")),
        ("import codetune_core.completion.completions", (*HEAVY, "rich", "pydantic", "pygls", "tree_sitter", "yaml")),
        ("import codetune_core.workers.pool", (*HEAVY, "rich", "pygls", "tree_sitter", "yaml", "lsprotocol")),
        (
            "import codetune_core.workers.worker",
            ("torch", "transformers", "sqlalchemy", "jinja2", "pygls", "lsprotocol", "rich"),
        ),
    ],
)
def test_start_up_imports_nothing_heavy(statement, unwanted):
    assert imported_by(statement).isdisjoint(unwanted)


def test_importing_the_core_imports_the_core_alone():
    assert imported_by("import codetune_core") - imported_by("pass") == {"codetune_core"}


def test_the_service_s_half_and_all_engines_import_what_models_need_only_when_used():
    heavy = {"torch", "transformers", "bitsandbytes", "peft", "sentence_transformers", "llguidance", "tokenizers"}
    late = {"aiohttp", "huggingface_hub", "keyring"}
    statement = "import codetune_core.bootstrap.core, codetune_core.bootstrap.plugins\n"
    statement += "from importlib.metadata import entry_points\n"
    statement += "for kind in ('engines', 'embedders', 'rerankers'):\n"
    statement += "    for found in entry_points(group=f'codetune.{kind}'): found.load()"
    imported = imported_by(statement)
    assert "codetune_core" in imported
    assert imported & (heavy | late) == set()


def test_no_file_names_a_registry_host_or_a_path_of_a_developers_machine():
    hosts = [
        "pypi." + "org",
        "pythonhosted." + "org",
        "registry.npm" + "js",
        "deb.debian." + "org",
        "/" + "work/",
        "/" + "root/",
    ]
    found = [
        (name(path), word) for path in TRACKED for word in hosts if word in path.read_text("utf-8", errors="ignore")
    ]
    assert found == []


def test_a_subcommand_on_sqlite_imports_neither_the_other_driver_nor_what_it_does_not_do(tmp_path):
    program = """
        from codetune_core.cli.main import main
        main(["prompts", "list"], standalone_mode=False)
        """
    unwanted = {"asyncpg", "stamina", "alembic", "mako", "jinja2", "yaml", "sqlalchemy.dialects.postgresql"}
    environment = {**os.environ, "CODETUNE_DATABASE_URL": f"sqlite:///{tmp_path / 'some.db'}"}
    loaded = []
    for _ in ("made", "there"):
        run = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", textwrap.dedent(program)],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        loaded.append({line.rpartition("|")[2].strip() for line in run.stderr.splitlines()})
    assert "explain-code" in run.stdout
    assert unwanted & loaded[0] > {"alembic"}
    assert unwanted & loaded[1] == set()
