"""What a fast look at a text says about its soundness."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a text parses, and the names it uses without defining them, sorted, one entry a use."""

    parses: bool
    undefined_names: tuple[str, ...] = ()
