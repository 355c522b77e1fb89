"""The engine ``huggingface``: Inference Providers, and dedicated Endpoints."""
