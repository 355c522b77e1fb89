"""Who may ask the service: its keys, and what is done about guesses."""
