"""No two different requests share a key, and the same one always has the same."""

import json
import string
from dataclasses import dataclass, fields, replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codetune_core.domain.execution import Message, ModelIdentity, Priority
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.protocol import Generation, Infill
from codetune_core.execution.cache_key import NOT_KEYED, fingerprint

TEXT = st.text(alphabet=st.characters(), max_size=8)
STORED = st.text(alphabet=st.characters(codec="utf-8"), max_size=8)
"""What a version holds; the library refuses lone surrogates there."""
MODELS = st.builds(
    ModelIdentity, name=TEXT, engine=TEXT, context_tokens=st.just(4096), revision=TEXT, quantization=TEXT, adapter=TEXT
)
DECODINGS = st.builds(
    Decoding,
    top_p=st.none() | st.floats(0.01, 1),
    top_k=st.none() | st.integers(1, 9),
    min_p=st.none() | st.floats(0, 1),
    repetition_penalty=st.none() | st.floats(0.1, 2),
    seed=st.none() | st.integers(),
    stop=st.lists(STORED, max_size=3).map(tuple),
    output_schema=st.none() | STORED,
)
GENERATIONS = st.builds(
    Generation,
    model=MODELS,
    messages=st.lists(
        st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=TEXT), max_size=3
    ).map(tuple),
    temperature=st.floats(0, 2),
    max_tokens=st.integers(1, 9),
    decoding=DECODINGS,
    sample_index=st.integers(0, 3),
)
REQUESTS = st.tuples(GENERATIONS, TEXT)
PLAIN = Generation(
    ModelIdentity("m", "e", 4096, "r", "q", "a"),
    (Message("system", "Explain."), Message("user", "x = 1")),
    0.0,
    100,
    Decoding(),
)


def key(generation=PLAIN, tenant=""):
    return fingerprint(generation, tenant=tenant).key


def copied(generation):
    """An equal one that shares no object."""
    decoding = Decoding.model_validate_json(generation.decoding.model_dump_json())
    messages = tuple(Message(message.role, "".join(list(message.content))) for message in generation.messages)
    return replace(generation, decoding=decoding, messages=messages, model=replace(generation.model))


@given(REQUESTS, REQUESTS)
def test_two_different_requests_have_different_keys(one, other):
    assume(one != other)
    assert key(*one) != key(*other)


@given(REQUESTS)
def test_the_same_request_always_has_the_same_key(asked):
    assert key(*asked) == key(copied(asked[0]), *asked[1:])


OTHERS = {"infill": Infill("def f(", "): ..."), "output_schema": {"type": "object"}}
"""Parts that are no numbers."""


def changes():
    """One change for each field there is, whatever it is called."""
    for field in fields(Generation):
        if field.name not in {"model", "decoding", "messages", *OTHERS, *NOT_KEYED}:
            yield field.name, replace(PLAIN, **{field.name: getattr(PLAIN, field.name) + 1})
    for name, value in OTHERS.items():
        yield name, replace(PLAIN, **{name: value})
    for field in fields(ModelIdentity):
        if f"model.{field.name}" not in NOT_KEYED:
            yield f"model.{field.name}", replace(PLAIN, model=replace(PLAIN.model, **{field.name: "other"}))
    values = {"stop": ("x",), "output_schema": "findings", "seed": 1, "top_k": 1}
    for name in Decoding.model_fields:
        yield f"decoding.{name}", replace(PLAIN, decoding=Decoding(**{name: values.get(name, 0.5)}))
    yield "messages: content", replace(PLAIN, messages=(PLAIN.messages[0], Message("user", "x = 2")))
    yield "messages: role", replace(PLAIN, messages=(Message("user", "Explain."), PLAIN.messages[1]))
    yield "messages: order", replace(PLAIN, messages=PLAIN.messages[::-1])
    yield "messages: joined", replace(PLAIN, messages=(Message("user", "Explain.x = 1"),))


@pytest.mark.parametrize("changed", [changed for _, changed in changes()], ids=[name for name, _ in changes()])
def test_every_part_of_a_generation_changes_the_key(changed):
    assert key(changed) != key()


@given(TEXT, TEXT, TEXT, TEXT)
def test_a_tenant_never_has_another_tenants_key(text, other_text, tenant, other_tenant):
    assume(tenant != other_tenant)
    asked, other = (replace(PLAIN, messages=(Message("user", each),)) for each in (text, other_text))
    assert key(asked, tenant) != key(other, other_tenant)


def test_a_changed_schema_of_the_same_name_changes_the_key():
    asked = replace(PLAIN, decoding=Decoding(output_schema="summary"))
    assert key(replace(asked, output_schema={"maxLength": 1})) != key(replace(asked, output_schema={"maxLength": 2}))


@dataclass(frozen=True, slots=True)
class LaterGeneration(Generation):
    logit_bias: float = 0.0


class LaterDecoding(Decoding):
    typical_p: float | None = None


@dataclass(frozen=True, slots=True)
class LaterModel(ModelIdentity):
    rope_scaling: str = ""


@pytest.mark.parametrize(
    ("without", "with_it"),
    [
        (
            LaterGeneration(PLAIN.model, PLAIN.messages, 0, 100, Decoding()),
            LaterGeneration(PLAIN.model, PLAIN.messages, 0, 100, Decoding(), logit_bias=1.5),
        ),
        (replace(PLAIN, decoding=LaterDecoding()), replace(PLAIN, decoding=LaterDecoding(typical_p=0.5))),
        (
            replace(PLAIN, model=LaterModel("m", "e", 4096)),
            replace(PLAIN, model=LaterModel("m", "e", 4096, rope_scaling="yarn")),
        ),
    ],
    ids=["generation", "decoding", "model"],
)
def test_a_field_that_is_added_tomorrow_enters_the_key_by_itself(without, with_it):
    assert key(without) != key(with_it)


def test_a_field_that_cannot_be_keyed_is_an_error_and_not_left_out():
    with pytest.raises(TypeError, match="object cannot be part"):
        key(replace(PLAIN, temperature=object()))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_has_no_key(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        key(replace(PLAIN, temperature=value))


@pytest.mark.parametrize(("one", "other"), [(0, 0.0), (1, 1.0), (-0.0, 0)])
def test_equal_numbers_make_equal_keys_however_they_are_written(one, other):
    assert key(replace(PLAIN, temperature=one)) == key(replace(PLAIN, temperature=other))


def test_what_is_not_keyed_says_why_and_is_not_keyed():
    assert all(NOT_KEYED.values())
    assert key(replace(PLAIN, model=replace(PLAIN.model, context_tokens=1))) == key()
    assert key(replace(PLAIN, priority=Priority.TYPING)) == key()


@given(st.text(alphabet=string.ascii_lowercase, min_size=150, max_size=300), st.sampled_from(["name", "revision"]))
def test_long_names_fit_their_column_and_are_told_apart(name, field):
    one, other = (key(replace(PLAIN, model=replace(PLAIN.model, **{field: name + end}))) for end in "ab")
    assert one != other
    assert len(one.model_name) <= 200
    assert len(one.model_revision) <= 100


@settings(max_examples=50)
@given(st.text(alphabet=string.ascii_letters, max_size=20).map("canary{}".format))
def test_what_is_recorded_of_a_key_holds_no_content(canary):
    asked = replace(
        PLAIN,
        messages=(Message("user", canary),),
        decoding=Decoding(stop=(canary,)),
        infill=Infill(canary, canary),
        output_schema={"const": canary},
    )
    recorded = fingerprint(asked, tenant=canary).recorded()
    assert canary not in json.dumps(recorded)
