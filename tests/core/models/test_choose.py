"""Which model is loaded for a role, how, and in which words it is refused."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hub_cache import COMMIT, put

from codetune_core.domain.execution import Role
from codetune_core.errors import SettingsError
from codetune_core.models.adapters import split_adapter
from codetune_core.models.catalogue import read_catalogue
from codetune_core.models.choose import load_plan
from codetune_core.models.files import converted_folder, has_weights
from codetune_core.models.hardware import Gpu, Hardware
from codetune_core.models.here import look, roles_served
from codetune_core.models.licences import accept_licence, licence_accepted
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.memory import need
from codetune_core.models.spec import Quantization
from codetune_core.settings import Settings

GIB = 2**30
TINY = Path(__file__).parents[2] / "fixtures" / "tiny-code-model"
WRN, DEEPHAT = "WhiteRabbitNeo-33B-v1", "DeepHat-V1-7B"
LAPTOP = Hardware((), 16 * GIB, 8 * GIB, 8)
OLD_LAPTOP = replace(LAPTOP, fast_bf16=False)


def card(gigabytes: int) -> Hardware:
    return Hardware((Gpu(0, f"{gigabytes} GB card", gigabytes * GIB, gigabytes * GIB),), 64 * GIB, 32 * GIB, 16)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def pulled(home):
    """Put files of a model of the catalogue here; by default all that are looked for, with empty weights."""

    def files(name: str, weights: str = "model.safetensors", **more) -> Path:
        spec = read_catalogue(Settings().models).find(name)
        return put(home / "hub", spec.id, {"config.json": {}, weights: b"", **more})

    return files


def check(name: str = "", role: Role = Role.REVIEW, on: Hardware = LAPTOP, **models) -> LoadPlan:
    return load_plan(name, role, Settings.model_validate({"models": models}), hardware=on)


def spec_of(name: str):
    return read_catalogue(Settings().models).find(name)


def accept(*names: str) -> None:
    for name in names:
        accept_licence(spec_of(name))


@pytest.mark.parametrize(
    ("on", "role", "chosen", "quantization"),
    [
        (LAPTOP, Role.REVIEW, DEEPHAT, "nf4"),
        (LAPTOP, Role.GENERATION, "Qwen2.5-Coder-7B-Instruct", "nf4"),
        (LAPTOP, Role.COMPLETION, "Qwen2.5-Coder-1.5B", "nf4"),
        (OLD_LAPTOP, Role.GENERATION, "Qwen2.5-Coder-7B-Instruct", "int8"),
        (OLD_LAPTOP, Role.COMPLETION, "Qwen2.5-Coder-1.5B", "int8"),
        (LAPTOP, Role.EMBEDDING, "all-MiniLM-L6-v2", "fp32"),
        (LAPTOP, Role.RERANK, "ms-marco-MiniLM-L6-v2", "fp32"),
        (card(8), Role.REVIEW, DEEPHAT, "nf4"),
        (card(24), Role.REVIEW, WRN, "nf4"),
        (card(24), Role.COMPLETION, "Qwen2.5-Coder-7B", "int8"),
        (card(24), Role.GENERATION, "Qwen3.6-27B", "nf4"),
        (card(80), Role.REVIEW, WRN, "int8"),
        (card(140), Role.REVIEW, WRN, "bf16"),
    ],
)
def test_the_best_that_is_here_and_fits_is_chosen_for_a_role(pulled, on, role, chosen, quantization):
    names = [name for name in read_catalogue(Settings().models).models if "3B" not in name or name == WRN]
    for name in names:
        pulled(name)
    accept(WRN, DEEPHAT)
    plan = check(role=role, on=on)
    assert (plan.spec.name, plan.quantization) == (chosen, quantization)
    budget = 0.95 * on.gpus[0].total if on.gpus else 0.9 * on.memory
    assert plan.bytes_needed <= budget
    assert plan.bytes_needed == need(plan.spec.architecture, plan.quantization, plan.device).total(
        plan.kv_tokens if plan.spec.architecture.kv_layers != 0 else 0
    )
    assert plan.kv_tokens >= plan.context_tokens


def test_a_model_takes_no_more_than_its_share_where_it_has_the_choice(pulled):
    for name in ("Qwen2.5-Coder-7B", "Qwen3.6-27B"):
        pulled(name)
    for name, quantization in (("Qwen2.5-Coder-7B", "bf16"), ("Qwen3.6-27B", "nf4")):
        plan = check(name, on=card(48))
        assert plan.quantization == quantization
        assert plan.context_tokens > 16_384
        assert plan.bytes_needed <= 0.6 * 0.95 * 48 * GIB
    assert check("Qwen3.6-27B", on=card(24)).context_tokens == 16_384


def test_only_what_is_here_is_chosen(pulled):
    pulled("Qwen2.5-Coder-0.5B-Instruct")
    assert check(on=card(80)).spec.name == "Qwen2.5-Coder-0.5B-Instruct"


def test_what_was_not_accepted_is_not_chosen_and_refused_by_name(pulled):
    pulled(DEEPHAT)
    pulled("Qwen2.5-Coder-1.5B-Instruct")
    assert check().spec.name == "Qwen2.5-Coder-1.5B-Instruct"
    with pytest.raises(SettingsError, match=r"Apache-2\.0 with usage restrictions, which you have not accepted"):
        check(DEEPHAT)
    accept(DEEPHAT)
    assert check().spec.name == check(DEEPHAT).spec.name == DEEPHAT


def test_accepted_are_the_terms_that_were_shown(home):
    spec = spec_of(DEEPHAT)
    accept_licence(spec)
    assert licence_accepted(spec)
    changed = spec.model_copy(update={"licence": spec.licence.model_copy(update={"terms": "and your firstborn"})})
    assert not licence_accepted(changed)
    state = json.loads((home / "codetune" / "licences.json").read_text())
    assert state[spec.id]["licence"] == spec.licence.name
    assert state[spec.id]["accepted_at"].endswith("+00:00")
    (home / "codetune" / "licences.json").write_text("[1]")
    assert not licence_accepted(spec)
    assert licence_accepted(spec_of("Qwen2.5-Coder-7B"))


def test_where_acceptance_cannot_be_written_it_is_said(home):
    (home / "codetune" / "licences.json").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"licences\.json cannot be written"):
        accept(DEEPHAT)


def test_with_nothing_here_it_is_said_what_would_fit():
    with pytest.raises(
        SettingsError, match=r"^no model for review is on this machine; DeepHat-V1-7B would fit: .*pull"
    ):
        check()
    with pytest.raises(SettingsError, match=r"no model for review fits the 0\.1 GB of the processor \(8 cores\)"):
        check(memory_gigabytes=0.1)


def test_what_cannot_fit_is_refused_before_it_is_pulled_with_what_would_fit():
    says = (
        r"^WhiteRabbitNeo-33B-v1 as nf4 with 2,048 tokens of context takes 20\.4 GB \(17\.9 GB of it weights\), and "
        r"there are 8\.2 GB for models on 8 GB card\. What would fit: DeepHat-V1-7B as nf4 \(8\.2 GB\)$"
    )
    with pytest.raises(SettingsError, match=says):
        check(WRN, on=card(8))


def test_a_smaller_quantization_and_a_shorter_context_are_said_where_they_would_fit():
    with pytest.raises(
        SettingsError, match=r"as bf16 .*it as nf4 with 16,384 tokens of context \(models\.quantization\)"
    ):
        check(WRN, on=card(24), quantization="bf16")
    with pytest.raises(
        SettingsError, match=r"with 16,000 tokens .* it with 12,\d+ tokens of context \(models\.context"
    ):
        check("Qwen2.5-Coder-32B-Instruct", on=card(24), context_tokens=16_000)
    with pytest.raises(SettingsError, match="no model of the catalogue for this fits"):
        check(WRN, memory_gigabytes=0.5)


def test_settings_say_quantization_and_context(pulled):
    pulled("Qwen2.5-Coder-7B-Instruct")
    plan = check("Qwen2.5-Coder-7B-Instruct", on=card(24), quantization="int8", context_tokens=4096)
    assert (plan.quantization, plan.context_tokens, plan.device) == ("int8", 4096, "cuda:0")
    pulled("all-MiniLM-L6-v2")
    assert check("all-MiniLM-L6-v2", quantization="nf4").quantization == "fp32"


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ("pytorch_model.bin", "has only pickled weights, which are not loaded: codetune models convert Qwen"),
        ("other.txt", "its files are not all on this machine: codetune models pull Qwen"),
        ("model.safetensors.index.json", "its files are not all on this machine: codetune models pull Qwen"),
    ],
)
def test_files_that_cannot_be_loaded_are_refused(pulled, weights, says):
    pulled("Qwen2.5-Coder-7B-Instruct", weights)
    with pytest.raises(SettingsError, match=says):
        check("Qwen2.5-Coder-7B-Instruct")


def test_a_model_that_is_not_here_is_to_be_pulled():
    with pytest.raises(
        SettingsError, match=r"because it is not on this machine: codetune models pull Qwen2\.5-Coder-7B$"
    ):
        check("Qwen2.5-Coder-7B")


def test_weights_in_parts_are_here_when_every_part_is(tmp_path):
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-1.safetensors").write_bytes(b"12")
    assert not has_weights(tmp_path)
    (tmp_path / "model-2.safetensors").write_bytes(b"345")
    assert has_weights(tmp_path)


def test_a_copy_that_was_quantized_before_is_loaded_instead(pulled):
    published = pulled("Qwen2.5-Coder-7B-Instruct")
    name = "Qwen2.5-Coder-7B-Instruct"
    assert check(name).folder == str(published)
    copy = converted_folder(spec_of(name), Quantization.NF4)
    copy.mkdir(parents=True)
    (copy / "model.safetensors").write_bytes(b"")
    plan = check(name)
    assert (plan.folder, plan.prequantized, plan.quantization) == (str(copy), True, "nf4")
    assert check(name, quantization="int8").folder == str(published)
    (published / "model.safetensors").unlink()
    assert look(spec_of(name)).copies == {Quantization.NF4: copy}
    assert check(name).folder == str(copy)
    with pytest.raises(SettingsError, match="is here as nf4 only, which does not fit"):
        check(name, on=card(24), quantization="bf16")


def test_a_folder_is_loaded_as_it_is(home):
    plan = check(str(TINY))
    assert (plan.spec.name, plan.folder, plan.quantization) == ("tiny-code-model", str(TINY), "bf16")
    assert check(str(TINY), on=OLD_LAPTOP).quantization == "fp32"
    assert (plan.device, plan.context_tokens, plan.kv_tokens, plan.prequantized) == ("cpu", 2048, 65_536, False)
    assert check(str(TINY)).key == plan.key != check(str(TINY), quantization="nf4").key


@pytest.mark.parametrize("changed", ["model.safetensors", "tokenizer.json", "new.safetensors", "1_Pooling/config.json"])
def test_what_changes_in_a_folder_is_another_model_and_needs_another_process(home, changed):
    folder = home / "tiny-code-model"
    shutil.copytree(TINY, folder)
    (folder / "1_Pooling").mkdir()
    before = check(str(folder))
    os.utime(folder)  # of itself, it says nothing
    assert check(str(folder)) == before
    with (folder / changed).open("ab") as file:
        file.write(b" ")
    after = check(str(folder))
    assert (after.key != before.key, after.source != before.source) == (True, True)


@pytest.mark.parametrize("name", ["Qwen2.5-Coder-0.5B", "Qwen/Qwen2.5-Coder-0.5B-Instruct", "someone/else", "plain"])
def test_a_folder_of_the_workspace_is_never_taken_for_a_model_of_the_hub(home, monkeypatch, name):
    for folder in (name, read_catalogue(Settings().models).find("Qwen2.5-Coder-0.5B").id):
        shutil.copytree(TINY, home / folder, dirs_exist_ok=True)
    monkeypatch.chdir(home)
    with pytest.raises(SettingsError, match=r"on this machine|no model"):
        check(name)


@pytest.mark.parametrize("name", ["./a/model", "../{home}/a/model", "some/where/model", "."])
def test_a_folder_is_named_by_a_path_that_can_be_no_id(home, monkeypatch, name):
    for folder in ("a/model", "some/where/model"):
        shutil.copytree(TINY, home / folder)
    monkeypatch.chdir(home / "a" / "model" if name == "." else home)
    assert check(name.format(home=home.name)).spec.name == "model"


def test_two_folders_of_one_name_are_two_models(home):
    folders = [home / "a" / "model", home / "b" / "model"]
    for folder in folders:
        shutil.copytree(TINY, folder)
    one, other = (check(str(folder)) for folder in folders)
    assert one.spec.name == other.spec.name
    assert one.source != other.source


def test_an_adapter_that_was_trained_further_is_another_one(home):
    folder = adapter(home / "1", "tiny-code-model")
    before = check(f"{TINY}+mine", adapters={"mine": folder})
    (folder / "adapter_model.safetensors").write_bytes(b"further")
    after = check(f"{TINY}+mine", adapters={"mine": folder})
    assert (after.key != before.key, after.source != before.source) == (True, True)


def test_how_a_model_is_prompted_belongs_to_what_it_is(home):
    (home / "codetune").mkdir()
    found = set()
    for more in ("", ", prompt_format: plain", ", stops: ['###']"):
        entry = f"models: [{{name: mine, id: {TINY}, context_tokens: 512{more}}}]"
        (home / "codetune" / "models.yaml").write_text(entry)
        found.add(check("mine").source)
    assert len(found) == 3


def test_sizes_that_the_catalogue_does_not_know_are_read_from_the_files(home):
    mine = f"models: [{{name: mine, id: {TINY}, roles: [review], context_tokens: 512}}]"
    (home / "codetune").mkdir()
    (home / "codetune" / "models.yaml").write_text(mine)
    plan = check()
    assert (plan.spec.name, plan.context_tokens, plan.spec.architecture.parameters) == ("mine", 512, 2_410_176)


def test_a_model_whose_sizes_cannot_be_read_is_refused(home):
    folder = home / "strange"
    shutil.copytree(TINY, folder)
    (folder / "config.json").write_text('{"model_type": "strange", "architectures": ["StrangeForCausalLM"]}')
    with pytest.raises(SettingsError, match="strange cannot be loaded, because its sizes cannot be read"):
        check(str(folder))


@pytest.mark.parametrize(
    ("hidden", "name", "says"),
    [
        ({"torch", "accelerate"}, str(TINY), r"without torch, accelerate: pip install 'codetune\[local\]'"),
        ({"sentence_transformers"}, "all-MiniLM-L6-v2", "without sentence-transformers: pip install"),
        ({"bitsandbytes"}, DEEPHAT, "fits only as int8 or nf4, which need bitsandbytes: pip install"),
    ],
)
def test_what_is_missing_of_the_extra_is_said(pulled, monkeypatch, hidden, name, says):
    pulled("all-MiniLM-L6-v2")
    pulled(DEEPHAT)
    accept(DEEPHAT)
    monkeypatch.setattr("codetune_core.models.local_extra.find_spec", lambda part: None if part in hidden else part)
    with pytest.raises(SettingsError, match=says):
        check(name, on=card(12))


def test_code_of_a_model_runs_only_at_the_commit_that_was_allowed(home, pulled):
    name, repository = "Qwen2.5-Coder-0.5B", "Qwen/Qwen2.5-Coder-0.5B"
    pulled(name)
    assert not check(name, remote_code={repository: COMMIT}).remote_code
    (home / "codetune").mkdir()
    (home / "codetune" / "models.yaml").write_text(f"models: [{{name: {name}, revision: {COMMIT}}}]")
    assert check(name, remote_code={repository: COMMIT}).remote_code
    assert not check(name, remote_code={repository: "b" * 40}).remote_code
    assert not check(name).remote_code


def adapter(folder: Path, base: str | None) -> Path:
    folder.mkdir()
    if base is not None:
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base or None}))
    return folder


def test_adapters_go_with_the_model_that_they_were_made_for(home):
    folders = {
        "mine": adapter(home / "1", "someone/tiny-code-model"),
        "any": adapter(home / "2", ""),
        "other": adapter(home / "3", "Qwen/Qwen2.5-Coder-7B"),
        "empty": adapter(home / "4", None),
    }
    plan = check(f"{TINY}+mine", adapters=folders)
    assert plan.adapters == {"mine": str(home / "1"), "any": str(home / "2")}
    assert check(str(TINY), adapters=folders).key == plan.key
    for name, says in {
        "other": "the adapter other was made for Qwen/Qwen2.5-Coder-7B, so tiny-code-model cannot use it",
        "empty": f"the adapter empty is not in {home / '4'}",
        "nope": "there is no adapter 'nope' in models.adapters \\(there: mine, any, other, empty\\)",
    }.items():
        with pytest.raises(SettingsError, match=says):
            check(f"{TINY}+{name}", adapters=folders)


@pytest.mark.parametrize(
    ("name", "parts"), [("a", ("a", "")), ("a+b", ("a", "b")), ("", ("", "")), ("a+b+c", ("a", "b+c"))]
)
def test_a_name_may_carry_an_adapter(name, parts):
    assert split_adapter(name) == parts


def test_roles_are_served_by_what_is_named_or_chosen(pulled):
    pulled("all-MiniLM-L6-v2")
    settings = Settings.model_validate({"models": {"review": str(TINY), "generation": str(TINY), "rerank": "nothing"}})
    assert roles_served(settings) == {
        "tiny-code-model": [Role.REVIEW, Role.GENERATION], "all-MiniLM-L6-v2": [Role.EMBEDDING],
    }  # fmt: skip


def test_a_machine_in_which_a_model_does_not_fit_alone_is_no_less_clear(pulled):
    pulled(WRN)
    accept(WRN)
    tight = replace(LAPTOP, memory=21 * GIB)
    assert check(WRN, on=tight).context_tokens < 16_384
