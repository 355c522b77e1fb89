"""Small models on disk in the exact formats of the large ones: random weights, safetensors, made without torch."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import small_tokenizers
from safetensors import safe_open
from safetensors.numpy import save_file

from codetune_core.domain.execution import Role
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import InfillTokens, Kind, ModelSpec, PromptFormat, Quantization

FIXTURES = Path(__file__).parents[1] / "fixtures"
TINY = FIXTURES / "tiny-code-model"
"""A model that was trained: its greedy completions look like Python."""
GOLDEN = FIXTURES / "codet5p-golden"
DEEPSEEK_INFILL = InfillTokens(**dict(zip(("prefix", "suffix", "middle"), small_tokenizers.DEEPSEEK[3:], strict=True)))
QWEN_INFILL = InfillTokens(prefix="<|fim_prefix|>", suffix="<|fim_suffix|>", middle="<|fim_middle|>")
STOPS = ("USER:", "\nUSER:")


class _Weights(dict):
    """Tensors by name; a matrix keeps the size of what it is applied to, so that logits differ clearly."""

    def __init__(self, seed: int, dtype: str = "float32") -> None:
        super().__init__()
        self._random = np.random.default_rng(seed)
        self._dtype = np.dtype(dtype)

    def matrix(self, name: str, rows: int, columns: int, scale: float = 1) -> None:
        values = self._random.standard_normal((rows, columns), np.float32)
        self[name] = (values * (scale / columns**0.5)).astype(self._dtype)

    def embedding(self, name: str, rows: int, columns: int) -> None:
        self[name] = self._random.standard_normal((rows, columns), np.float32).astype(self._dtype)

    def ones(self, name: str, size: int) -> None:
        self[name] = np.ones(size, self._dtype)

    def linear(self, name: str, rows: int, columns: int) -> None:
        self.matrix(f"{name}.weight", rows, columns)
        self[f"{name}.bias"] = np.zeros(rows, self._dtype)

    def norm(self, name: str, size: int) -> None:
        self.ones(f"{name}.weight", size)
        self[f"{name}.bias"] = np.zeros(size, self._dtype)

    def save(self, folder: Path) -> None:
        save_file(dict(self), str(folder / "model.safetensors"), {"format": "pt"})


def _folder(folder: Path, config: dict, **files: dict) -> Path:
    for name, value in {"config": config, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(value, indent=1), "utf-8")
    return folder


def _decoder_layer(weights: _Weights, at: str, hidden: int, kv: int, inner: int, *, bias: bool) -> None:
    linear = weights.linear if bias else lambda name, rows, columns: weights.matrix(f"{name}.weight", rows, columns)
    for name, rows in (("q", hidden), ("k", kv), ("v", kv)):
        linear(f"{at}.self_attn.{name}_proj", rows, hidden)
    weights.matrix(f"{at}.self_attn.o_proj.weight", hidden, hidden)
    for name in ("gate", "up"):
        weights.matrix(f"{at}.mlp.{name}_proj.weight", inner, hidden)
    weights.matrix(f"{at}.mlp.down_proj.weight", hidden, inner)
    for name in ("input", "post_attention"):
        weights.ones(f"{at}.{name}_layernorm.weight", hidden)


def _causal(folder, tokenizer, config, *, hidden, layers, heads, kv_heads, seed, dtype, bias=False) -> Path:
    size, inner, width = tokenizer.get_vocab_size(), hidden * 2, hidden // heads
    weights = _Weights(seed, dtype)
    weights.embedding("model.embed_tokens.weight", size, hidden)
    for layer in range(layers):
        _decoder_layer(weights, f"model.layers.{layer}", hidden, kv_heads * width, inner, bias=bias)
    weights.ones("model.norm.weight", hidden)
    weights.matrix("lm_head.weight", size, hidden, 3)
    weights.save(folder)
    common = {
        "dtype": dtype,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
        "vocab_size": size,
    }
    return _folder(folder, common | config)


def llama(
    folder: Path,
    *,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    vocabulary: int = 1024,
    context: int = 2048,
    seed: int = 0,
    dtype: str = "float32",
) -> Path:
    """As WhiteRabbitNeo-33B: grouped heads, linearly scaled rotary positions in the old spelling, no chat template."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = small_tokenizers.deepseek(folder, vocabulary)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "bos_token_id": 0,
        "eos_token_id": 1,
        "max_position_embeddings": context,
        "rope_theta": 100000.0,
        "rope_scaling": {"type": "linear", "factor": 4.0},
    }
    sizes = {"hidden": hidden, "layers": layers, "heads": heads, "kv_heads": kv_heads, "seed": seed, "dtype": dtype}
    return _causal(folder, tokenizer, config, **sizes)


def qwen2(
    folder: Path,
    *,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    vocabulary: int = 1024,
    context: int = 2048,
    seed: int = 0,
    dtype: str = "float32",
    template: str = small_tokenizers.CHATML,
) -> Path:
    """As Qwen2.5-Coder: ChatML, biases in attention, infill tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = small_tokenizers.qwen(folder, vocabulary, template)
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "bos_token_id": 0,
        "eos_token_id": 2,
        "max_position_embeddings": context,
        "rope_theta": 1000000.0,
        "use_sliding_window": False,
    }
    sizes = {"hidden": hidden, "layers": layers, "heads": heads, "kv_heads": kv_heads, "seed": seed, "dtype": dtype}
    folder = _causal(folder, tokenizer, config, bias=True, **sizes)
    return _folder(folder, json.loads((folder / "config.json").read_text()), generation_config={"eos_token_id": [2, 0]})


def _t5_attention(weights: _Weights, at: str, hidden: int) -> None:
    for name in ("q", "k", "v", "o"):
        weights.matrix(f"{at}.{name}.weight", hidden, hidden, 0.5)


def _t5_stack(weights: _Weights, stack: str, layers: int, hidden: int, heads: int) -> None:
    kinds = ["SelfAttention", "EncDecAttention"] if stack == "decoder" else ["SelfAttention"]
    for block, kind in itertools.product(range(layers), enumerate(kinds)):
        _t5_attention(weights, f"{stack}.block.{block}.layer.{kind[0]}.{kind[1]}", hidden)
    bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    weights.embedding(bias, 32, heads)
    for block in range(layers):
        last = f"{stack}.block.{block}.layer.{len(kinds)}"
        weights.matrix(f"{last}.DenseReluDense.wi.weight", hidden * 2, hidden)
        weights.matrix(f"{last}.DenseReluDense.wo.weight", hidden, hidden * 2)
        for layer in range(len(kinds) + 1):
            weights.ones(f"{stack}.block.{block}.layer.{layer}.layer_norm.weight", hidden)
    weights.ones(f"{stack}.final_layer_norm.weight", hidden)


def t5(
    folder: Path, *, hidden: int = 64, layers: int = 2, heads: int = 4, vocabulary: int = 1024, seed: int = 0
) -> Path:
    """As CodeT5+ 220m and 770m: T5 with RoBERTa's tokenizer and a hundred sentinels."""
    folder.mkdir(parents=True, exist_ok=True)
    size = small_tokenizers.roberta(folder, vocabulary).get_vocab_size()
    weights = _Weights(seed)
    weights.embedding("shared.weight", size, hidden)
    # What ends an answer is unlikely, so that answers have some length.
    weights["shared.weight"][[*range(len(small_tokenizers.ROBERTA)), *range(vocabulary, size)]] *= 0.01
    for stack in ("encoder", "decoder"):
        _t5_stack(weights, stack, layers, hidden, heads)
    weights.save(folder)
    config = {
        "architectures": ["T5ForConditionalGeneration"],
        "model_type": "t5",
        "bos_token_id": 1,
        "d_ff": hidden * 2,
        "d_kv": hidden // heads,
        "d_model": hidden,
        "decoder_start_token_id": 0,
        "dropout_rate": 0.1,
        "eos_token_id": 2,
        "feed_forward_proj": "relu",
        "is_encoder_decoder": True,
        "n_positions": 512,
        "num_decoder_layers": layers,
        "num_heads": heads,
        "num_layers": layers,
        "pad_token_id": 0,
        "torch_dtype": "float32",
        "vocab_size": size,
    }
    return _folder(folder, config)


def codet5p(folder: Path) -> Path:
    """As CodeT5+ 16B: the golden weights under their original names, with a tokenizer of its kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(GOLDEN / name, folder)
    small_tokenizers.codegen(folder, 512)
    config = json.loads((folder / "config.json").read_text())
    config["decoder"]["eos_token_id"] = config["decoder"]["bos_token_id"] = 0
    return _folder(folder, config)


def _bert(folder: Path, hidden: int, layers: int, seed: int, head: str) -> _Weights:
    folder.mkdir(parents=True, exist_ok=True)
    size = small_tokenizers.bert(folder).get_vocab_size()
    weights = _Weights(seed)
    for name, rows in (("word", size), ("position", 128), ("token_type", 2)):
        weights.embedding(f"{head}embeddings.{name}_embeddings.weight", rows, hidden)
    weights.norm(f"{head}embeddings.LayerNorm", hidden)
    for layer in range(layers):
        at = f"{head}encoder.layer.{layer}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            weights.linear(f"{at}.attention.{name}", hidden, hidden)
        weights.norm(f"{at}.attention.output.LayerNorm", hidden)
        weights.linear(f"{at}.intermediate.dense", hidden * 4, hidden)
        weights.linear(f"{at}.output.dense", hidden, hidden * 4)
        weights.norm(f"{at}.output.LayerNorm", hidden)
    weights.linear(f"{head}pooler.dense", hidden, hidden)
    return weights


def _bert_config(architecture: str, hidden: int, layers: int, size: int) -> dict:
    return {
        "architectures": [architecture],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "intermediate_size": hidden * 4,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 128,
        "num_attention_heads": 4,
        "num_hidden_layers": layers,
        "pad_token_id": 0,
        "torch_dtype": "float32",
        "type_vocab_size": 2,
        "vocab_size": size,
    }


def embedding(folder: Path, *, hidden: int = 32, layers: int = 2, seed: int = 0) -> Path:
    """As all-MiniLM-L6-v2: BERT, mean pooling, unit length."""
    weights = _bert(folder, hidden, layers, seed, "")
    weights.save(folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(kinds.items())
    ]
    for path in ("1_Pooling", "2_Normalize"):
        (folder / path).mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    config = _bert_config("BertModel", hidden, layers, len(weights["embeddings.word_embeddings.weight"]))
    limits = {"max_seq_length": 128, "do_lower_case": False}
    return _folder(folder, config, modules=modules, sentence_bert_config=limits)


def cross_encoder(folder: Path, *, hidden: int = 32, layers: int = 2, seed: int = 0) -> Path:
    """As ms-marco-MiniLM-L6-v2: BERT with one number for a pair of texts."""
    weights = _bert(folder, hidden, layers, seed, "bert.")
    weights.linear("classifier", 1, hidden)
    weights.save(folder)
    size = len(weights["bert.embeddings.word_embeddings.weight"])
    labels = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    config = _bert_config("BertForSequenceClassification", hidden, layers, size) | labels
    return _folder(folder, config | {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"})


def spec(folder: Path, kind: Kind = Kind.CAUSAL, **overrides) -> ModelSpec:
    """Describe a folder as the catalogue would."""
    config = json.loads((folder / "config.json").read_text())
    values: dict = {"name": folder.name, "id": str(folder), "kind": kind, "roles": (Role.GENERATION,)}
    values["context_tokens"] = config.get("max_position_embeddings") or config.get("n_positions", 256)
    if kind is Kind.CAUSAL:
        qwen_like = config["model_type"] == "qwen2"
        values["infill"] = QWEN_INFILL if qwen_like else DEEPSEEK_INFILL
        templated = qwen_like or folder == TINY
        values["prompt_format"] = PromptFormat.CHAT_TEMPLATE if templated else PromptFormat.SYSTEM_USER_ASSISTANT
        values["stops"] = () if qwen_like else STOPS
    elif kind in {Kind.SEQ2SEQ, Kind.CODET5P}:
        values["prompt_format"] = PromptFormat.PLAIN
    return ModelSpec(**{**values, **overrides})


def load_plan(
    folder: Path, kind: Kind = Kind.CAUSAL, quantization: Quantization = Quantization.FP32, **overrides
) -> LoadPlan:
    """Plan for a small model on the processor; fields of the spec by ``spec_`` and their name."""
    described = {name[5:]: overrides.pop(name) for name in list(overrides) if name.startswith("spec_")}
    model = spec(folder, kind, **described)
    values = {"context_tokens": model.context_tokens, "kv_tokens": 8 * model.context_tokens, "threads": 1}
    values |= {"spec": model, "folder": str(folder), "quantization": quantization, "prequantized": False}
    return LoadPlan(**(values | overrides))


def tensors(folder: Path) -> dict[str, np.ndarray]:
    """All weights of a folder, by name."""
    with safe_open(folder / "model.safetensors", "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
