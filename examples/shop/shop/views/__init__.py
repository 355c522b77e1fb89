"""Blueprints: from a request to a page."""
