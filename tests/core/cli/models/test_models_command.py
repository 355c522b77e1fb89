"""``codetune models list``, ``plan`` and ``info``, as they are run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TINY = Path(__file__).parents[3] / "fixtures" / "tiny-code-model"
WRN, CODET5 = "WhiteRabbitNeo-33B-v1", "codet5p-16b"


@pytest.fixture(autouse=True)
def alone(workspace, monkeypatch, tmp_path):
    """Neither cards nor models of whoever runs the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def check(run):
    """What a subcommand prints; with ``says``, part of it."""

    def run_and_check(*arguments, code: int = 0, says: str = "") -> str:
        result = run("models", *arguments)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert says in result.output, result.output
        return result.output

    return run_and_check


@pytest.fixture
def ask(check):
    """What a subcommand answers in JSON."""
    return lambda *arguments: json.loads(check(*arguments, "--format", "json"))


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "home" / "codetune"
    folder.mkdir(parents=True)

    def write(settings: str = "", models: str = "") -> None:
        (folder / "codetune.toml").write_text(settings)
        if models:
            (folder / "models.yaml").write_text(models)

    return write


def rows(text: str) -> dict[str, list[str]]:
    """First cell -> the others, of the lines of a table."""
    cells = [[cell for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in filter(None, cells)}


def test_the_plan_of_a_card_has_a_line_for_each_model(check):
    text = check("plan", "--gpu", "24GB", says="24.5 GB for models on a card of 24 GB\n")
    planned = rows(text)
    assert planned[WRN] == ["nf4", "24.0 GB", "16,384", "17.9 GB"]
    assert planned["Qwen2.5-Coder-7B"][0] == "int8"
    assert rows(check("plan", "--gpu", "8GB"))[WRN] == ["does not fit", "17.9 GB as nf4"]


def test_the_plan_of_one_model_has_a_line_for_each_quantization(check):
    text = check("plan", WRN, "--gpu", "24GB")
    assert f"{WRN}: 33,342,991,360 parameters, 248 KiB a token, up to 16,384 tokens\n" in text
    assert rows(text)["bf16"] == ["66.7 GB", "2.0 GB", "over 68.7 GB", "no"]
    assert rows(text)["nf4"][:5] == ["17.9 GB", "2.0 GB", "16,384", "1", "24.0 GB"]
    assert "816 KiB a token and 24 KiB more for the prompt's" in check("plan", CODET5, "--gpu", "24GB")


def test_the_plan_of_several_has_a_line_for_each_combination(check):
    text = check("plan", WRN, CODET5, "--gpu", "40GB")
    lines = [line.split() for line in text.splitlines()]
    assert ["nf4", "nf4", "35.8", "GB", "16,384", "+", "2,048", "1"] in lines
    assert any(line[:2] == ["nf4", "int8"] and line[-2:] == ["1,", "shortened"] for line in lines)
    assert any(line[:2] == ["nf4", "bf16"] and line[-3:] == ["does", "not", "fit"] for line in lines)


def test_the_plan_for_scripts_has_the_bytes(ask):
    plan = ask("plan", WRN, "--gpu", "24GB")
    assert plan["device"] == {
        "name": "cuda:0", "description": "a card of 24 GB", "bytes_for_models": int(24 * 2**30 * 0.95),
    }  # fmt: skip
    [model] = plan["models"]
    assert (model["name"], model["parameters"], model["context_tokens"]) == (WRN, 33_342_991_360, 16_384)
    assert (model["chosen"]["quantization"], model["chosen"]["context_tokens"]) == ("nf4", 16_384)
    whole, _, packed = model["quantizations"]
    assert (
        whole.items() >= {"quantization": "bf16", "weights_bytes": 66_685_982_720, "fits": False, "bytes": None}.items()
    )
    assert packed.items() >= {"kv_bytes_per_token": 248 * 1024, "contexts_at_once": 1, "fits": True}.items()
    assert packed["bytes"] == packed["weights_bytes"] + packed["overhead_bytes"] + 16_384 * 248 * 1024
    both = ask("plan", WRN, CODET5, "--gpu", "80GB")["together"]
    assert len(both) == 9
    assert [each["fits"] for each in both].count(True) == 7
    assert [model["context_tokens"] for model in both[-1]["models"]] == [16_384, 2_048]


def test_without_a_card_it_is_about_this_machine_and_its_settings(check, config, ask):
    config("[models]\nmemory_gigabytes = 6.5\n")
    assert "6.5 GB for models on the processor (" in check("plan")
    assert ask("plan")["device"]["bytes_for_models"] == 6_500_000_000
    assert ask("plan", "--gpu", "24GB")["device"]["bytes_for_models"] > 24 * 10**9


def test_a_model_of_unknown_sizes_says_so(check, config, ask):
    config(models="models: [{name: mine, id: a/b, context_tokens: 9}]")
    assert rows(check("plan"))["mine"] == ["sizes are known once it is pulled"]
    check("plan", "mine", says="The sizes of mine are not known before it is pulled.")
    check("plan", "mine", WRN, code=2, says="the sizes of mine are not known before it is pulled")
    check("info", "mine", says="parameters  known once it is pulled")
    assert ask("plan", "mine")["models"][0].items() >= {"parameters": None, "chosen": None, "quantizations": []}.items()
    assert rows(check("list"))["mine"][:2] == ["?", "unknown"]


@pytest.mark.parametrize(
    ("size", "total"), [("24", 24), ("24gb", 24), ("24 GiB", 24), ("24576M", 24), ("0.5T", 512), ("1.5g", 1.5)]
)
def test_a_card_is_meant_as_it_is_sold(ask, size, total):
    assert ask("plan", CODET5, "--gpu", size)["device"]["bytes_for_models"] == int(total * 2**30 * 0.95)


@pytest.mark.parametrize("size", ["large", "0", "-1GB", "24PB", ""])
def test_what_is_no_size_is_refused(check, size):
    check("plan", "--gpu", size, code=2, says="is no size: write it as 24GB")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "WhiteRabbit-33B"), f"did you mean {WRN}?"),
        (("info", "owner/name"), "codetune models pull owner/name"),
        (("plan", *["codet5p-220m"] * 5), "at most 4 models are planned together"),
        (("fly",), "No such command 'fly'"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(check, arguments, says):
    check(*arguments, code=2, says=says)


def test_the_list_says_what_is_here_and_what_serves(check, config, ask):
    config("[models]\nreview = 'tiny'\n", f"models: [{{name: tiny, id: {TINY}, context_tokens: 256, roles: [review]}}]")
    listed = rows(check("list"))
    assert listed["tiny"] == ["review", "?", "unknown", "ready", "review"]
    assert listed[WRN] == ["review, generation", "33.3 B", "DeepSeek Licence*", "no"]
    entries = {entry["name"]: entry for entry in ask("list")["models"]}
    assert next(iter(entries)) == "tiny"
    assert entries["tiny"].items() >= {"state": "ready", "folder": str(TINY), "serves": ["review"], "own": True}.items()
    assert (
        entries[WRN].items() >= {"state": "absent", "folder": None, "serves": [], "own": False, "accept": True}.items()
    )


def test_info_says_how_a_model_is_prompted_and_under_which_terms(check, ask):
    text = check("info", WRN)
    for words in (
        "id          whiterabbitneo/WhiteRabbitNeo-33B-v1\n", "prompt      system user assistant\n",
        "'\\nUSER:'", "32022",
        "accepted    not yet: they are shown before the first load\n", "must not be used against the law",
        f"not on this machine: codetune models pull {WRN}\n", "pinned at the first pull",
    ):  # fmt: skip
        assert words in text
    content = ask("info", WRN)
    assert (content["architecture"]["kv_heads"], content["accepted"], content["here"]["state"]) == (8, False, "absent")


def test_info_of_a_folder_says_where_it_is(check, ask):
    text = check("info", TINY)
    assert f"folder      {TINY}\n" in text
    assert "files       ready to be loaded\n" in text
    assert "infill      <｜fim▁begin｜>" in text  # noqa: RUF001 - they are written so
    assert ask("info", TINY)["here"] == {"state": "ready", "folder": str(TINY), "copies": {}}


def test_a_mistake_in_the_user_s_catalogue_is_said_beside_the_answer(run, config):
    config(models="models: [{name: x}]")
    result = run("models", "list", "--format", "json")
    assert "models[1] (x) is not used: `id`: field required" in result.stderr
    assert len(json.loads(result.stdout)["models"]) >= 14


@pytest.mark.parametrize("command", [(), ("list",), ("plan",), ("info",)])
def test_each_explains_itself_with_examples(check, command):
    assert "codetune models" in check(*command, "--help")


def test_help_waits_for_nothing():
    code = (
        "import sys\nfrom codetune_core.cli.main import main\n"
        "try:\n    main(['models', 'plan', '--help'])\n"
        "except SystemExit:\n"
        "    heavy = {'torch', 'transformers', 'huggingface_hub', 'aiohttp', 'rich', 'pydantic', 'yaml'}\n"
        "    print(heavy & set(sys.modules))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("set()\n")
