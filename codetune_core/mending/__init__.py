"""What a model proposes to change, found in the text it was asked about: between its answer and the ladder."""
