"""The starter prompts, one file each."""
