"""LoRA adapters are trained, loaded by name, and answer only the requests that name them."""

import json
import shutil

import pytest
import small_adapters
import small_models
import torch
from jobs import Asked, run_all

from codetune_core.engines.transformers.process.causal.runner import CausalRunner
from codetune_core.engines.transformers.process.load import load
from codetune_core.engines.transformers.process.prompt import encode
from codetune_core.engines.transformers.process.seq2seq import Seq2SeqRunner
from codetune_core.engines.transformers.wire import Failed, Generate, Turn
from codetune_core.errors import EngineRefused
from codetune_core.models.spec import Kind, Quantization

PROMPT = "Is it safe?"
ANSWERS = {"strict": "No, it is not.", "mild": "Yes, quite safe."}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two adapters, trained to answer differently."""
    base = tmp_path_factory.mktemp("adapters")
    plan = small_models.load_plan(small_models.TINY)
    loaded = load(plan, lambda *_: None)
    prompt = encode(loaded, plan.spec, Generate(id=1, max_tokens=1, messages=(Turn(role="user", content=PROMPT),)))
    for name, text in ANSWERS.items():
        answer = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
        small_adapters.train(small_models.TINY, base / name, prompt, [*answer, loaded.tokenizer.eos_token_id])
    return {name: str(base / name) for name in ANSWERS}


def runner(adapters, quantization=Quantization.FP32):
    plan = small_models.load_plan(small_models.TINY, quantization=quantization, adapters=adapters)
    return CausalRunner(load(plan, lambda *_: None), plan)


def ask(one, *names) -> list[str]:
    asked = [Asked(number, one, PROMPT, adapter=name, max_tokens=10) for number, name in enumerate(names)]
    run_all(one)
    return [each.text for each in asked]


@pytest.mark.parametrize("quantization", [Quantization.FP32, Quantization.NF4, Quantization.INT8])
def test_each_request_is_answered_by_its_own_adapter_also_in_one_batch(folders, quantization):
    plain = ask(runner({}, quantization), "")[0]
    assert plain not in ANSWERS.values()
    one = runner(folders, quantization)
    assert ask(one, "strict", "", "mild", "strict", "") == [
        ANSWERS["strict"],
        plain,
        ANSWERS["mild"],
        ANSWERS["strict"],
        plain,
    ]


def test_an_unknown_adapter_is_refused_in_words_and_alone(folders):
    one = runner(folders)
    wrong, right = Asked(1, one, PROMPT, adapter="team"), Asked(2, one, PROMPT, adapter="mild", max_tokens=10)
    run_all(one)
    assert isinstance(wrong.end, Failed)
    assert "no adapter 'team' (known: mild, strict)" in wrong.end.message
    assert right.text == ANSWERS["mild"]


def changed(folder, target, change):
    shutil.copytree(folder, target)
    change(target)
    return str(target)


def to_pickle(folder):
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def to_other_layers(folder):
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["q_proj"]}))


def to_nothing(folder):
    (folder / "adapter_config.json").unlink()


def to_garbage(folder):
    (folder / "adapter_model.safetensors").write_bytes(b"garbage")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (to_pickle, "others than safetensors are not read"),
        (to_other_layers, "another model"),
        (to_nothing, "does not fit"),
        (to_garbage, "does not fit"),
    ],
)
def test_a_folder_that_is_no_adapter_for_it_is_refused_in_words_and_changes_nothing(folders, tmp_path, change, words):
    plan = small_models.load_plan(
        small_models.TINY, adapters={"bad": changed(folders["mild"], tmp_path / "bad", change), **folders}
    )
    loaded = load(plan, lambda *_: None)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        before = loaded.model(ids).logits
        for _ in range(2):
            with pytest.raises(EngineRefused, match=words):
                loaded.adapters.load("bad")
        torch.testing.assert_close(loaded.model(ids).logits, before)


def test_models_with_two_stacks_take_adapters_too(tmp_path):
    import peft  # noqa: PLC0415 - takes seconds

    folder = small_models.codet5p(tmp_path / "codet5p")
    plan = small_models.load_plan(folder, Kind.CODET5P)
    model = load(plan, lambda *_: None).model
    config = peft.LoraConfig(target_modules=["fc_in"], init_lora_weights=False)
    peft.get_peft_model(model, config).save_pretrained(tmp_path / "adapter")
    with_adapter = plan.model_copy(update={"adapters": {"team": str(tmp_path / "adapter")}})
    one = Seq2SeqRunner(load(with_adapter, lambda *_: None), with_adapter)
    alone = ask(Seq2SeqRunner(load(plan, lambda *_: None), plan), "")[0]
    other, plain = ask(one, "team", "")
    assert plain == alone != other
