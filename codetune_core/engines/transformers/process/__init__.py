"""What runs in a model process; nothing else imports torch."""
