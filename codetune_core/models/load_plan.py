"""A LoadPlan: one model, where its files are, and how it is to be loaded."""

from pydantic import BaseModel, ConfigDict

from codetune_core.domain.canonical import digest
from codetune_core.models.spec import ModelSpec, Quantization


class LoadPlan(BaseModel):
    """Everything that a model process needs to know; two equal plans share a process.

    Attributes:
        spec: the model.
        folder: its files on this machine: config, tokenizer, safetensors.
        contents: digest of what lies there and in the adapters' folders, so that no process goes on with what was.
        quantization: how its weights are held.
        prequantized: whether the files in the folder are quantized so already.
        device: ``cpu`` or ``cuda:0``.
        context_tokens: longest prompt and answer together.
        kv_tokens: tokens of all running requests together, for which there is memory.
        slots: most requests that run at once.
        threads: of the processor; 0 for torch's own choice.
        adapters: name -> folder of a LoRA adapter.
        remote_code: whether the model's own code may run, which the user allowed for this revision.
        bytes_needed: memory that all of it takes on the device, by the memory plan.
        idle_seconds: the process ends when nobody used it for this long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: ModelSpec
    folder: str
    contents: str = ""
    quantization: Quantization
    prequantized: bool = False
    device: str = "cpu"
    context_tokens: int
    kv_tokens: int
    slots: int = 32
    threads: int = 0
    adapters: dict[str, str] = {}
    remote_code: bool = False
    bytes_needed: int = 0
    idle_seconds: float = 900

    @property
    def source(self) -> str:
        """What its answers depend on besides its name: the files, and how it is prompted."""
        spec = self.spec.model_dump(mode="json", include={"kind", "prompt_format", "infill", "stops", "stop_token_ids"})
        return digest([self.contents, spec])[:32]

    @property
    def key(self) -> str:
        """Name of the process's socket: equal for equal plans."""
        return digest(self.model_dump(mode="json"))[:32]
