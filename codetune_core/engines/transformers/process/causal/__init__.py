"""The causal runner: continuous batching of one decoder's requests over a paged cache of keys and values."""
