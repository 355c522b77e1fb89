"""What endpoints give, as pydantic models: their docstrings become the OpenAPI document."""
