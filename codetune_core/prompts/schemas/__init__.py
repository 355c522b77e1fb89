"""What an answer must be: one pydantic model for each ``output_schema`` that a wording can name."""
