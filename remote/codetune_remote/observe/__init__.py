"""What the service says of itself: logs, figures, traces, and whether it can execute."""
