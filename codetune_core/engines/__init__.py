"""Engines: what runs a Model and yields its tokens."""
