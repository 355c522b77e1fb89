"""The history of executions: what is kept, for how long, what it cost and whether it was good."""
