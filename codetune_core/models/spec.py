"""A ModelSpec: weights, and how to prompt them."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codetune_core.domain.execution import Role


class Kind(StrEnum):
    """What a model's weights compute, which decides what runs them."""

    CAUSAL = "causal"
    """A decoder."""
    SEQ2SEQ = "seq2seq"
    """An encoder and a decoder, as T5."""
    CODET5P = "codet5p"
    """CodeT5+ 2B, 6B and 16B: the prompt goes into the encoder and into the decoder."""
    EMBEDDING = "embedding"
    CROSS_ENCODER = "cross_encoder"


class PromptFormat(StrEnum):
    """How messages become one text."""

    CHAT_TEMPLATE = "chat_template"
    """By the template that comes with the tokenizer."""
    SYSTEM_USER_ASSISTANT = "system_user_assistant"
    r"""``SYSTEM: {system}\\nUSER: {user}\\nASSISTANT: ``."""
    PLAIN = "plain"
    """One after the other with an empty line between; for models that know no turns."""


class Quantization(StrEnum):
    """How weights are held in memory; in the order of exactness."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    INT8 = "int8"
    """bitsandbytes LLM.int8() on GPUs; on processors torch's 8-bit kernels, one scale for each output."""
    NF4 = "nf4"
    """bitsandbytes NormalFloat 4 with double quantization: 4.127 bits a weight of the linear layers."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InfillTokens(_Part):
    """The special tokens around what is to be filled in: prefix, suffix, then the answer follows the last."""

    prefix: str
    suffix: str
    middle: str


class Licence(_Part):
    """On which terms a model may be used.

    ``accept`` is True where its terms restrict use, so that they are shown and accepted before the first load.
    """

    name: str
    url: str = ""
    terms: str = ""
    """What it restricts, in a sentence or two."""
    accept: bool = False


class Architecture(_Part):
    """The sizes from which memory is computed; ``parameters`` counts all weights.

    Attributes:
        parameters: all weights.
        embedding_parameters: those of embeddings, output head, norms and biases, which are never quantized.
        layers: of the decoder (of the encoder where there is no decoder).
        kv_heads: heads of keys and values in one layer.
        head_dim: numbers in one head.
        hidden: width.
        vocabulary: tokens.
        kv_layers: layers that keep keys and values of every token; None where all do.
        cross_attention_layers: layers that also keep keys and values of the encoder's tokens.
    """

    parameters: int = Field(gt=0)
    embedding_parameters: int = Field(ge=0)
    layers: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    head_dim: int = Field(gt=0)
    hidden: int = Field(gt=0)
    vocabulary: int = Field(gt=0)
    kv_layers: int | None = Field(default=None, ge=0)
    cross_attention_layers: int = Field(default=0, ge=0)


class ModelSpec(_Part):
    """A model as the catalogue knows it.

    Attributes:
        name: what users call it.
        id: its repository on the Hugging Face Hub, or the path of a folder.
        revision: the commit that is loaded; empty until the first pull pins it.
        kind: what runs it.
        architecture: its sizes; None where they are to be read from its config.
        roles: what it is good for.
        prompt_format: how messages become text.
        infill: None where it cannot fill in.
        stops: texts that end an answer, besides its end tokens.
        stop_token_ids: end tokens, besides those of its config.
        context_tokens: longest prompt and answer together.
        licence: its terms.
        quantizations: how it may be loaded, most exact first.
        files: name -> SHA-256 in hexadecimal digits, of its weights; empty until the first pull pins them.
        about: one line for ``codetune models list``.
    """

    name: str = Field(pattern=r"^[\w][\w./:@~ -]*$")
    id: str = Field(min_length=1)
    revision: str = ""
    kind: Kind = Kind.CAUSAL
    architecture: Architecture | None = None
    roles: tuple[Role, ...] = ()
    prompt_format: PromptFormat = PromptFormat.CHAT_TEMPLATE
    infill: InfillTokens | None = None
    stops: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    context_tokens: int = Field(gt=0)
    licence: Licence = Licence(name="unknown")
    quantizations: tuple[Quantization, ...] = (Quantization.BF16, Quantization.INT8, Quantization.NF4)
    files: dict[str, str] = {}
    about: str = ""

    @model_validator(mode="after")
    def _no_generation_without_tokens(self) -> Self:
        if self.kind in {Kind.EMBEDDING, Kind.CROSS_ENCODER} and self.infill:
            raise ValueError(f"{self.name} generates nothing, so it cannot fill in")
        return self
