"""The two plugins that come with CodeTune, with real small models in model processes that all terminals share."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_models import TINY, t5

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
pytest.importorskip("torch")
CODE = "import os\n\n\ndef run(command):\n    os.system(command)\n"


def entry(name: str, folder: Path) -> dict:
    """Stand a small model in for a large one of the catalogue."""
    config = json.loads((folder / "config.json").read_text())
    return {"name": name, "id": str(folder), "licence": {"name": "MIT"}, "quantizations": ["fp32"], "config": config}


@pytest.fixture(scope="module")
def codetune(tmp_path_factory):
    """Run ``codetune`` as a user whose catalogue has small models under the names of the large ones."""
    home, runtime = tmp_path_factory.mktemp("home"), tempfile.mkdtemp(prefix="ct")  # a socket's path must be short
    seq2seq = home / "t5"
    seq2seq.mkdir()
    models = [entry("WhiteRabbitNeo-33B-v1", TINY), entry("codet5p-220m", t5(seq2seq))]
    (home / "codetune").mkdir()
    (home / "codetune" / "models.yaml").write_text(json.dumps({"models": models}))  # JSON is YAML
    (home / "codetune" / "codetune.toml").write_text('[engine]\nname = "transformers"\n')
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), str(home))
    environment = {**os.environ, **places, "XDG_RUNTIME_DIR": runtime, "OMP_NUM_THREADS": "1"}
    environment.pop("CODETUNE_DATABASE_URL", None)

    def run(*words: str, text: str = CODE) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "codetune_core.cli.main", *words]
        return subprocess.run(
            command, env=environment, cwd=home, input=text, capture_output=True, text=True, check=False
        )

    run.runtime = Path(runtime)
    yield run
    run("models", "unload", "--all")
    shutil.rmtree(runtime)


def ask(codetune, *words: str) -> dict:
    ended = codetune("plugins", "run", *words, "--input", "-", "--format", "json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_terminals_share_the_weights_of_whiterabbitneo(codetune):
    tasks = ("analyze", "security", "optimize")
    with ThreadPoolExecutor() as terminals:
        answers = list(
            terminals.map(lambda task: ask(codetune, "whiterabbitneo", task, "--arg", "max_tokens=8"), tasks)
        )
    for answer in answers:
        assert answer["result"]["model"] == "WhiteRabbitNeo-33B-v1"
        assert answer["usage"]["prompt_tokens"] > 100
        assert 1 <= answer["usage"]["completion_tokens"] <= 8
    assert len(list(codetune.runtime.rglob("*.sock"))) == 1
    streamed = codetune("plugins", "run", "whiterabbitneo", "security", "--input", "-", "--arg", "max_tokens=8")
    assert streamed.stdout.strip() == answers[1]["result"]["text"].strip()
    recorded = json.loads(codetune("history", "list", "--format", "json").stdout)
    assert {(row["engine"], row["model_used"]) for row in recorded} == {("transformers", "WhiteRabbitNeo-33B-v1")}


@pytest.mark.parametrize("task", ["generate", "complete", "summarize", "tests"])
def test_codet5p_answers_each_of_its_tasks(codetune, task):
    answer = ask(codetune, "codet5p", task, "--arg", "model=codet5p-220m", "--arg", "max_tokens=6")
    assert answer["models"] == ["codet5p-220m"]
    assert 1 <= answer["usage"]["completion_tokens"] <= 6


def test_a_model_that_is_not_here_is_said_with_what_to_do(codetune):
    ended = codetune("plugins", "run", "codet5p", "generate", "--input", "-")
    assert ended.returncode == 1
    assert "codetune models pull codet5p-16b" in ended.stderr
