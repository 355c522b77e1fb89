"""Inline completion without an editor's protocol: what to ask a model, when, and what to keep of its answer."""
