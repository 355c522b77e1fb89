"""What became of the models' answers in this editor, told to whoever keeps the history."""
