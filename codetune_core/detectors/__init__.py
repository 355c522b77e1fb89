"""Detectors: from a Document to Findings, without a model."""
