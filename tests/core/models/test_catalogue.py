"""The catalogue: what comes with CodeTune, the user's own over it, and models that describe themselves."""

from pathlib import Path

import pytest
from hub_cache import put

from codetune_core.domain.execution import Role
from codetune_core.errors import SettingsError
from codetune_core.models.catalogue import Catalogue, read_catalogue
from codetune_core.models.spec import Kind, PromptFormat, Quantization
from codetune_core.sections import ModelSettings

FIXTURES = Path(__file__).parents[2] / "fixtures"
TINY, GOLDEN = FIXTURES / "tiny-code-model", FIXTURES / "codet5p-golden"
PROMISED = [
    "WhiteRabbitNeo-33B-v1", "codet5p-16b", "codet5p-770m", "codet5p-220m", "DeepHat-V1-7B", "Qwen3.6-27B",
    "all-MiniLM-L6-v2", "ms-marco-MiniLM-L6-v2",
    *(f"Qwen2.5-Coder-{size}B" for size in ("0.5", "1.5", "3", "7", "14", "32")),
]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def check(home: Path, text: str | None = None, **settings) -> Catalogue:
    """The catalogue with a file of the user's in its usual place."""
    if text is not None:
        (home / "codetune").mkdir()
        (home / "codetune" / "models.yaml").write_text(text, "utf-8")
    return read_catalogue(ModelSettings(**settings))


def mistakes(catalogue: Catalogue) -> list[str]:
    return [notice.text.partition("models.yaml: ")[2] for notice in catalogue.notices]


@pytest.mark.parametrize("name", PROMISED)
def test_what_was_promised_is_there_with_sizes_licence_and_roles(home, name):
    spec = check(home).find(name)
    assert spec.architecture
    assert spec.roles
    assert spec.about
    assert spec.licence.name != "unknown"
    assert not spec.licence.accept or spec.licence.terms
    assert not spec.revision or len(spec.revision) == 40


def test_every_role_has_a_model_for_a_processor(home):
    for role in Role:
        smallest = min(check(home).for_role(role), key=lambda spec: spec.architecture.parameters)
        assert smallest.architecture.parameters < 10**9


def test_whiterabbitneo_ends_where_the_user_would_speak_whichever_copy_it_is(home):
    spec = check(home).find("WhiteRabbitNeo-33B-v1")
    assert spec.prompt_format is PromptFormat.SYSTEM_USER_ASSISTANT
    assert {"USER:", "\nUSER:"} <= set(spec.stops)
    assert {32013, 32014, 32022, 32023} <= set(spec.stop_token_ids)
    assert spec.licence.accept


def test_what_completes_fills_in(home):
    specs = check(home).for_role(Role.COMPLETION)
    assert specs
    assert all(spec.infill and spec.stop_token_ids for spec in specs)


@pytest.mark.parametrize(
    "name", ["qwen2.5-coder-7b", "Qwen/Qwen2.5-Coder-7B", "QWEN/qwen2.5-coder-7b", "Qwen2.5-Coder-7B"]
)
def test_a_model_is_found_by_name_and_by_id_in_capitals_or_not(home, name):
    assert check(home).find(name).name == "Qwen2.5-Coder-7B"


def test_an_own_model_is_added_with_the_sizes_of_its_config_and_goes_first(home):
    mine = """
models:
  - name: mine
    id: me/mine
    roles: [review]
    config: {model_type: llama, hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4,
             vocab_size: 100, tie_word_embeddings: true, max_position_embeddings: 4096}
"""
    catalogue = check(home, mine)
    spec = catalogue.find("mine")
    assert catalogue.notices == ()
    assert (catalogue.own, catalogue.for_role(Role.REVIEW)[0]) == ({"mine"}, spec)
    assert (spec.kind, spec.context_tokens, spec.architecture.parameters) == (Kind.CAUSAL, 4096, 88_640)


def test_an_entry_of_a_known_name_replaces_what_it_writes(home):
    commit = "0" * 40
    catalogue = check(home, f"models: [{{name: Qwen2.5-Coder-7B, revision: '{commit}', context_tokens: 8192}}]")
    spec, shipped = catalogue.find("Qwen2.5-Coder-7B"), read_catalogue(ModelSettings(catalogue="/dev/null"))
    assert (spec.revision, spec.context_tokens) == (commit, 8192)
    before = shipped.find("Qwen2.5-Coder-7B")
    assert (spec.architecture, spec.infill, spec.licence) == (before.architecture, before.infill, before.licence)


def test_own_sizes_replace_all_sizes(home):
    config = "{model_type: qwen2, hidden_size: 64, intermediate_size: 128, num_hidden_layers: 1, num_attention_heads: 4"
    text = f"models: [{{name: Qwen2.5-Coder-7B, config: {config}, vocab_size: 10}}}}]"
    sizes = check(home, text).find("Qwen2.5-Coder-7B").architecture
    assert (sizes.layers, sizes.hidden) == (1, 64)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{name: x}", "models[1] (x) is not used: `id`: field required"),
        (
            "{name: x, id: a/b, context_tokens: 0}",
            "models[1] (x) is not used: `context_tokens`: input should be greater",
        ),
        ("{name: x, id: a/b, context_tokens: 9, rolls: []}", "models[1] (x) is not used: `rolls`: extra inputs"),
        (
            "{name: x, id: a/b, context_tokens: 9, roles: [cook]}",
            "models[1] (x) is not used: `roles.0`: input should be",
        ),
        ("{name: x+y, id: a/b, context_tokens: 9}", "models[1] (x+y) is not used: `name`: string should match"),
        ("{name: x, id: a/b, config: llama}", "models[1] (x) is not used: `config`: must be the fields"),
        ("just text", "models[1] is not used:"),
        ("[a, b]", "models[1] is not used:"),
        ("{name: [x]}", "models[1] (['x']) is not used:"),
    ],
)
def test_a_mistake_costs_its_entry_and_is_said(home, entry, says):
    catalogue = check(home, f"models:\n- {entry}\n- {{name: fine, id: a/b, context_tokens: 9}}\n")
    [mistake] = mistakes(catalogue)
    assert mistake.startswith(says)
    assert catalogue.own == {"fine"}
    assert set(PROMISED) <= set(catalogue.models)


@pytest.mark.parametrize("text", ["models: [", "- a", "models: {name: x}", "text", "", "\x00"])
def test_a_file_that_is_no_catalogue_is_said_and_the_rest_holds(home, text):
    catalogue = check(home, text)
    [mistake] = mistakes(catalogue)
    assert mistake.startswith("not used, because it cannot be read as a catalogue: ")
    assert set(PROMISED) <= set(catalogue.models)


def test_a_file_that_was_named_must_be_there_and_the_usual_one_need_not(home):
    assert check(home).notices == ()
    assert "not used" in check(home, catalogue=home / "nothing.yaml").notices[0].text


def test_a_folder_describes_itself(home):
    spec = check(home).find(str(TINY))
    assert (spec.name, spec.kind, spec.context_tokens) == ("tiny-code-model", Kind.CAUSAL, 2048)
    assert spec.architecture.parameters == 2_410_176
    assert (spec.prompt_format, spec.roles[-1]) == (PromptFormat.CHAT_TEMPLATE, Role.COMPLETION)
    assert spec.infill.middle == "<｜fim▁end｜>"  # noqa: RUF001 - it is written so
    golden = check(home).find(str(GOLDEN))
    assert (golden.kind, golden.roles, golden.prompt_format) == (
        Kind.CODET5P, (Role.GENERATION,), PromptFormat.PLAIN,
    )  # fmt: skip


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache of Hugging Face, with nothing in it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


BERT = {
    "model_type": "bert", "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 1, "vocab_size": 99,
    "num_attention_heads": 4, "max_position_embeddings": 64,
}  # fmt: skip


def test_what_was_pulled_of_another_repository_describes_itself(home, cache):
    card = "---\nlicense: other\nlicense_name: mine\nlicense_link: https://example.com/l\n---\n# Model\n"
    files = {"config.json": BERT, "modules.json": [], "sentence_bert_config.json": {"max_seq_length": 32}}
    put(cache, "me/vectors", {**files, "README.md": card})
    spec = check(home).find("me/vectors")
    assert (spec.name, spec.kind, spec.roles, spec.context_tokens) == (
        "me/vectors", Kind.EMBEDDING, (Role.EMBEDDING,), 32,
    )  # fmt: skip
    assert (spec.licence.name, spec.licence.url) == ("mine", "https://example.com/l")
    assert Quantization.NF4 not in spec.quantizations


@pytest.mark.parametrize("card", ["", "no front matter", "---\n: [\n---\n", "---\n- a\n---\n", "---\nlicense:\n---\n"])
def test_a_card_without_a_licence_leaves_it_unknown(home, cache, card):
    config = {**BERT, "architectures": ["BertForSequenceClassification"]}
    put(cache, "me/order", {"config.json": config, "README.md": card})
    spec = check(home).find("me/order")
    assert (spec.kind, spec.licence.name) == (Kind.CROSS_ENCODER, "unknown")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Qwen2.5-Coder-8B", r"there is no model 'Qwen2.5-Coder-8B'; did you mean Qwen2.5-Coder-"),
        ("./nowhere", r"\./nowhere is no folder of a model"),
        ("owner/name", r"neither in the catalogue nor on this machine \(.*codetune models pull owner/name\)"),
        ("a/b/c", r"there is no model 'a/b/c' \(codetune models list\)"),
        ("/no/such/folder", r"/no/such/folder is no folder of a model"),
        ("-bad-/..", r"-bad-/\.\. is neither"),
        ("", r"there is no model ''"),
        ("x" * 200, r"there is no model"),
    ],
)
def test_a_model_that_is_not_known_is_told_with_what_to_do(home, name, says):
    with pytest.raises(SettingsError, match=says):
        check(home).find(name)


@pytest.mark.parametrize("config", ["{", "[]", ""])
def test_a_folder_without_a_config_is_no_model(home, tmp_path, config):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(config)
    with pytest.raises(SettingsError, match="is no folder of a model"):
        check(home).find(str(tmp_path / "model"))


def test_the_catalogue_of_the_guide_holds(home):
    guide = (Path(__file__).parents[3] / "docs" / "models.md").read_text("utf-8")
    catalogue = check(home, guide.partition("```yaml\n")[2].partition("```")[0])
    assert (catalogue.notices, catalogue.own) == ((), {"team-coder", "Qwen2.5-Coder-7B"})
