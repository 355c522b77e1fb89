"""Inline completion, without an editor's protocol: what to ask a model, when, and what of its answer to keep how long."""
