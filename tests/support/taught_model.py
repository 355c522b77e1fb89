"""LoRA adapters of the tiny code model that are taught, in the session that needs them, to answer lessons by heart.

A proof of the pipe, not of the model: two million weights learn the very prompts that they are asked later. All else is
as with a large model: safetensors, a process of its own, an adapter for each request, answers held to their schema.
"""

from collections.abc import Sequence
from pathlib import Path

import small_models
from taught_lessons import Lesson, wording

from codetune_core.engines.transformers.wire import Generate, Turn
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.render import render

_LAYERS = [2, 3]
"""The upper half: what lies below needs no gradient, which halves the time."""
_PARTS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
_RANK, _SCALE = 64, 4
_RATE = 4e-3
_WARM_UP = 5
_STEPS = 200
_CERTAIN = 0.75
"""Least probability of each token of each answer, so that other rounding gives the same answers."""

Example = tuple[list[int], list[int]]


def teach(folder: Path, lessons: Sequence[Lesson]) -> Path:
    """Train an adapter until it knows its lessons by heart, and write it to a folder; takes about ten seconds.

    The same weights come of the same lessons on the same machine.
    """
    import peft  # noqa: PLC0415 - takes seconds, and who collects tests does without
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(small_models.TINY, dtype=torch.float32)
    config = peft.LoraConfig(
        r=_RANK,
        lora_alpha=_SCALE * _RANK,
        target_modules=_PARTS,
        layers_to_transform=_LAYERS,
        task_type="CAUSAL_LM",
    )
    model = peft.get_peft_model(base, config)
    batch, labels = _batch(_examples(lessons))
    adapted = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(adapted, lr=_RATE, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / _WARM_UP))
    for _ in range(_STEPS):
        logits = model(input_ids=batch, logits_to_keep=labels.shape[1] + 1).logits[:, :-1]
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        certainty = losses.max().neg().exp().item()
        if certainty > _CERTAIN:
            break
        optimizer.zero_grad()
        (losses.sum() / (labels >= 0).sum()).backward()
        torch.nn.utils.clip_grad_norm_(adapted, 1)
        optimizer.step()
        schedule.step()
    assert certainty > _CERTAIN
    model.save_pretrained(folder)
    return folder


def _examples(lessons: Sequence[Lesson]) -> list[Example]:
    """Tokens of each prompt, as the engine makes them of what the library renders, and of each answer.

    No end is taught: an answer that is held to a schema ends with it.
    """
    from codetune_core.engines.transformers.process.load import load  # noqa: PLC0415 - imports torch
    from codetune_core.engines.transformers.process.prompt import encode  # noqa: PLC0415

    plan = small_models.load_plan(small_models.TINY)
    loaded = load(plan, lambda *_: None)
    examples = []
    for lesson in lessons:
        rendered = render(wording(lesson.prompt), lesson.variables, RenderTarget(2048, len))
        turns = tuple(Turn(role=each.role, content=each.content) for each in rendered.messages)
        prompt = encode(loaded, plan.spec, Generate(id=0, max_tokens=1, messages=turns))
        answer = loaded.tokenizer(lesson.text, add_special_tokens=False)["input_ids"]
        examples.append((prompt, answer))
    return examples


def _batch(examples: Sequence[Example]):
    """All of them as one batch, and the labels of its last places; what pads stands behind and teaches nothing."""
    import torch  # noqa: PLC0415

    width = max(len(prompt) + len(answer) for prompt, answer in examples)
    kept = width - min(len(prompt) for prompt, _ in examples)
    ids = [prompt + answer + [0] * (width - len(prompt) - len(answer)) for prompt, answer in examples]
    labels = [
        [-100] * len(prompt) + answer + [-100] * (width - len(prompt) - len(answer)) for prompt, answer in examples
    ]
    return torch.tensor(ids), torch.tensor([each[-kept:] for each in labels])
