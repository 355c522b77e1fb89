"""LoRA adapters for small models, trained in seconds to answer a prompt in a chosen way."""

from pathlib import Path


def train(
    model_folder: Path, folder: Path, prompt: list[int], answer: list[int], *, steps: int = 100, rate: float = 1e-2
) -> Path:
    """Train until a causal model answers the tokens of a prompt with these of an answer; write the adapter down.

    ``answer`` should end with an end token, so that the answer ends there.
    """
    import peft  # noqa: PLC0415 - other tests do without torch
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    config = peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, config)
    ids = torch.tensor([prompt + answer])
    labels = torch.tensor([[-100] * len(prompt) + answer])
    optimizer = torch.optim.AdamW((each for each in model.parameters() if each.requires_grad), lr=rate)
    for _ in range(steps):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        if loss.item() < 0.02:
            break
    model.save_pretrained(folder)
    return folder
