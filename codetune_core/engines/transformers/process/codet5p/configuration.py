"""The config of CodeT5+ 2B, 6B and 16B: one for the encoder, one for the decoder."""

from typing import Any

from transformers import AutoConfig, PretrainedConfig
from transformers.configuration_utils import SubConfigSpec


class CodeT5pModuleConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of an encoder or a decoder, named as in CodeGen's config."""

    model_type = "codet5p_module"
    attribute_map = {  # noqa: RUF012 - transformers' own form
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }
    vocab_size: int = 50400
    n_positions: int = 2048
    n_embd: int = 4096
    n_layer: int = 28
    n_head: int = 16
    n_inner: int | None = None
    rotary_dim: int = 64
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    add_cross_attention: bool = False
    use_cache: bool = True
    bos_token_id: int | None = 50256
    eos_token_id: int | None = 50256
    tie_word_embeddings: bool = False


class CodeT5pConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """Those of both; end and padding are the decoder's."""

    model_type = "codet5p"
    sub_configs_defaults = {  # noqa: RUF012
        "encoder": SubConfigSpec(config_class=CodeT5pModuleConfig),
        "decoder": SubConfigSpec(config_class=CodeT5pModuleConfig),
    }
    encoder: Any = None
    decoder: Any = None
    is_encoder_decoder: bool = True
    tie_word_embeddings: bool = False


def register_configs() -> None:
    """Let ``AutoConfig`` know both; may be called again."""
    for config in (CodeT5pModuleConfig, CodeT5pConfig):
        AutoConfig.register(config.model_type, config, exist_ok=True)
