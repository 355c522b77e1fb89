"""LoRA tuning of a model: how a run is set up, and what is measured during it."""
