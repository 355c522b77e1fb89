"""``codetune space``: the service as a Hugging Face Space."""
