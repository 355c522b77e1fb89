"""The core of CodeTune: review, fixes, prompts and models, knowing no editor and no web framework."""
