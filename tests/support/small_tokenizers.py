"""Tokenizers of the kinds that code models bring, trained on Python sources and written as their files are."""

# ruff: noqa: RUF001 - DeepSeek spells its tokens so

import functools
import json
import sysconfig
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CHATML = """\
{%- for message in messages %}\
{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}\
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
STRICT = """\
{{- bos_token }}{% for message in messages %}\
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}\
{%- if message.role == 'user' %}{{ '[INST] ' + message.content | trim + ' [/INST]' }}\
{%- else %}{{ message.content | trim + eos_token }}{% endif %}{% endfor %}"""
"""A template that refuses a system message, as Mistral's and Gemma's do."""
QWEN_SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = [
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<|EOT|>",
    "<｜fim▁begin｜>",
    "<｜fim▁hole｜>",
    "<｜fim▁end｜>",
]
QWEN = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
]
ROBERTA = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
SENTINELS = [f"<extra_id_{number}>" for number in reversed(range(100))]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@functools.cache
def sources() -> tuple[str, ...]:
    """About 250 kB of Python, in a fixed order."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    names = ["argparse", "ast", "heapq", "shutil", "subprocess", "textwrap"]
    return tuple((folder / f"{name}.py").read_text("utf-8") for name in names)


@functools.cache
def _byte_bpe(size: int, special: tuple[str, ...], pattern: str = "") -> str:
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not pattern)
    split = pre_tokenizers.Split(Regex(pattern), "isolated") if pattern else None
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level]) if split else level
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sources(), trainer)
    return tokenizer.to_str()


@functools.cache
def _word_pieces(size: int) -> str:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=BERT, show_progress=False)
    tokenizer.train_from_iterator(sources(), trainer)
    ids = [("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ids)
    return tokenizer.to_str()


def _write(folder: Path, name: str, value: object) -> None:
    (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")


def deepseek(folder: Path, size: int = 1024) -> Tokenizer:
    """As WhiteRabbitNeo's: adds BOS; the class that its config names is Llama's, its splits are not."""
    tokenizer = Tokenizer.from_str(_byte_bpe(size, tuple(DEEPSEEK)))
    begin = (DEEPSEEK[0], tokenizer.token_to_id(DEEPSEEK[0]))
    tokenizer.post_processor = processors.TemplateProcessing(f"{begin[0]} $A", f"{begin[0]} $A $B:1", [begin])
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder,
        "tokenizer_config.json",
        {
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": DEEPSEEK[0],
            "eos_token": DEEPSEEK[1],
            "pad_token": DEEPSEEK[1],
            "clean_up_tokenization_spaces": False,
            "legacy": True,
            "model_max_length": 16384,
            "tokenizer_class": "LlamaTokenizer",
        },
    )
    return tokenizer


def qwen(folder: Path, size: int = 1024, template: str = CHATML) -> Tokenizer:
    """As Qwen2.5-Coder's: ChatML, no BOS, infill tokens that are added but not called special."""
    tokenizer = Tokenizer.from_str(_byte_bpe(size, tuple(QWEN), QWEN_SPLIT))
    described = json.loads(tokenizer.to_str())
    for token in described["added_tokens"]:
        token["special"] = "fim" not in token["content"]
    (folder / "tokenizer.json").write_text(json.dumps(described, ensure_ascii=False), "utf-8")
    _write(
        folder,
        "tokenizer_config.json",
        {
            "add_bos_token": False,
            "add_prefix_space": False,
            "bos_token": "<|im_start|>" if template == STRICT else None,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "chat_template": template,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 32768,
            "tokenizer_class": "Qwen2Tokenizer",
        },
    )
    return tokenizer


def roberta(folder: Path, size: int = 1024) -> Tokenizer:
    """As CodeT5+ 220m's: vocab.json and merges.txt, with T5's sentinels as further special tokens."""
    tokenizer = Tokenizer.from_str(_byte_bpe(size, tuple(ROBERTA)))
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SENTINELS])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1), add_prefix_space=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))
    names = dict(zip(["pad_token", "bos_token", "eos_token", "unk_token", "mask_token"], ROBERTA, strict=True))
    names |= {"cls_token": "<s>", "sep_token": "</s>"}
    config = {"tokenizer_class": "RobertaTokenizer", "model_max_length": 512, "additional_special_tokens": SENTINELS}
    _write(folder, "tokenizer_config.json", names | config)
    return tokenizer


def codegen(folder: Path, size: int = 512) -> Tokenizer:
    """As CodeT5+ 16B's: GPT-2's, with tokens for runs of blanks."""
    blanks = [" " * count for count in range(8, 1, -1)]
    tokenizer = Tokenizer.from_str(_byte_bpe(size - len(blanks), ("<|endoftext|>",)))
    tokenizer.add_tokens([AddedToken(text, normalized=True) for text in blanks])
    tokenizer.save(str(folder / "tokenizer.json"))
    end = "<|endoftext|>"
    names = {"bos_token": end, "eos_token": end, "unk_token": end, "pad_token": end}
    _write(folder, "tokenizer_config.json", names | {"tokenizer_class": "CodeGenTokenizer", "model_max_length": 2048})
    return tokenizer


def bert(folder: Path, size: int = 1024) -> Tokenizer:
    """As MiniLM's: WordPiece, lower case."""
    tokenizer = Tokenizer.from_str(_word_pieces(size))
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))
    names = dict(zip(["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"], BERT, strict=True))
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 128}
    _write(folder, "tokenizer_config.json", names | config)
    return tokenizer
