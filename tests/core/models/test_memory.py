"""The memory plan, against the numbers that are known of real models."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.models.catalogue import Catalogue, read_catalogue
from codetune_core.models.memory import (
    GB,
    LEAST_CONTEXT,
    cross_bytes_per_token,
    fit,
    kv_bytes_per_token,
    need,
    weight_bytes,
)
from codetune_core.models.plans import plan
from codetune_core.models.spec import Architecture, Kind, ModelSpec, Quantization
from codetune_core.sections import ModelSettings

KIB = 1024
GIB = 2**30
BF16, INT8, NF4 = Quantization.BF16, Quantization.INT8, Quantization.NF4
WRN, CODET5 = "WhiteRabbitNeo-33B-v1", "codet5p-16b"


@pytest.fixture
def catalogue(tmp_path, monkeypatch) -> Catalogue:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return read_catalogue(ModelSettings())


@pytest.mark.parametrize(
    ("name", "quantization", "gigabytes"),
    [
        (WRN, BF16, 66.7), (WRN, INT8, 33.8), (WRN, NF4, 17.9),
        (CODET5, BF16, 33.0), (CODET5, INT8, 17.2), (CODET5, NF4, 9.5),
    ],
)  # fmt: skip
def test_weights_take_what_is_known_of_the_two_large_models(catalogue, name, quantization, gigabytes):
    sizes = catalogue.find(name).architecture
    assert weight_bytes(sizes, quantization) / GB == pytest.approx(gigabytes, rel=0.005)


def test_a_token_takes_what_is_known_of_the_two_large_models(catalogue):
    assert kv_bytes_per_token(catalogue.find(WRN).architecture) == 248 * KIB
    codet5 = catalogue.find(CODET5).architecture
    assert (kv_bytes_per_token(codet5), cross_bytes_per_token(codet5)) == (816 * KIB, 24 * KIB)
    assert kv_bytes_per_token(codet5, Quantization.FP32) == 2 * 816 * KIB


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen2.5-Coder-0.5B", 494_032_768),
        ("Qwen2.5-Coder-1.5B", 1_543_714_304),
        ("Qwen2.5-Coder-3B", 3_085_938_688),
        ("Qwen2.5-Coder-7B", 7_615_616_512),
        ("Qwen2.5-Coder-14B", 14_770_033_664),
        ("Qwen2.5-Coder-32B", 32_763_876_352),
        ("all-MiniLM-L6-v2", 22_713_216),
    ],
)
def test_parameters_are_as_many_as_are_published(catalogue, name, parameters):
    assert catalogue.find(name).architecture.parameters == parameters


def on_card(catalogue, gigabytes: int, *names: str):
    return plan(names, gigabytes * GIB, ModelSettings(), catalogue)


def test_a_card_of_24_gb_holds_whiterabbitneo_alone_in_nf4_with_one_whole_context(catalogue):
    [model] = on_card(catalogue, 24, WRN).models
    assert {each.need.quantization: each.fits for each in model.fits} == {BF16: False, INT8: False, NF4: True}
    assert (model.chosen.context_tokens, model.chosen.contexts) == (16_384, 1)
    assert not any(each.fits for each in on_card(catalogue, 24, WRN, CODET5).combinations)


@pytest.mark.parametrize(
    ("card", "first", "second", "at_once"),
    [
        (40, NF4, NF4, "several"), (40, NF4, INT8, "shortened"), (40, NF4, BF16, "no"),
        (80, NF4, NF4, "several"), (80, NF4, INT8, "several"), (80, NF4, BF16, "several"), (80, INT8, BF16, "several"),
        (80, BF16, BF16, "no"),
    ],
)  # fmt: skip
def test_both_large_models_fit_the_cards_that_they_are_known_to_fit(catalogue, card, first, second, at_once):
    combinations = on_card(catalogue, card, WRN, CODET5).combinations
    assert len(combinations) == 9
    [found] = [each for each in combinations if [one.quantization for one in each.needs] == [first, second]]
    assert found.fits is (at_once != "no")
    if at_once == "several":
        assert found.contexts == (16_384, 2_048)
        assert found.at_once >= 1
    if at_once == "shortened":
        assert found.at_once == 0
        assert all(LEAST_CONTEXT <= context <= 16_384 for context in found.contexts)


def test_a_hybrid_model_keeps_a_long_context_in_little(catalogue):
    hybrid, dense = catalogue.find("Qwen3.6-27B").architecture, catalogue.find("Qwen2.5-Coder-32B").architecture
    assert hybrid.parameters == 26_895_998_464
    assert (kv_bytes_per_token(hybrid), kv_bytes_per_token(dense)) == (64 * KIB, 256 * KIB)


ARCHITECTURES = st.builds(
    Architecture,
    parameters=st.integers(10**8, 10**11),
    embedding_parameters=st.integers(0, 10**8),
    layers=st.integers(1, 100),
    kv_heads=st.integers(1, 64),
    head_dim=st.sampled_from([64, 128, 256]),
    hidden=st.sampled_from([768, 4096, 8192]),
    vocabulary=st.integers(1000, 300_000),
    kv_layers=st.none() | st.integers(0, 100),
    cross_attention_layers=st.integers(0, 48),
)


@given(ARCHITECTURES, st.integers(0, 200 * GB), st.sampled_from(list(Quantization)), st.sampled_from(["cpu", "cuda:0"]))
def test_what_is_said_to_fit_takes_no_more_than_there_is(sizes, memory, quantization, device):
    spec = ModelSpec(name="x", id="x", context_tokens=32_768, architecture=sizes)
    found = fit(spec, sizes, quantization, device, memory)
    if found.fits:
        assert found.total <= memory
        assert LEAST_CONTEXT <= found.context_tokens <= 32_768
        assert found.contexts is None or found.need.total(found.contexts * found.context_tokens) <= memory
    else:
        assert need(sizes, quantization, device).total(LEAST_CONTEXT) > memory


@given(ARCHITECTURES)
def test_the_less_exact_takes_less(sizes):
    taken = [weight_bytes(sizes, each) for each in (Quantization.FP32, BF16, INT8, NF4)]
    assert taken == sorted(taken, reverse=True)


def test_kinds_without_text_keep_nothing(catalogue):
    for name in ("all-MiniLM-L6-v2", "ms-marco-MiniLM-L6-v2"):
        spec = catalogue.find(name)
        assert spec.kind in {Kind.EMBEDDING, Kind.CROSS_ENCODER}
        found = fit(spec, spec.architecture, Quantization.FP32, "cpu", GB)
        assert dataclasses.asdict(found).items() >= {"contexts": None, "context_tokens": spec.context_tokens}.items()
        assert not fit(spec, spec.architecture, Quantization.FP32, "cpu", GB // 2).fits
