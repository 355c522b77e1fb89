"""What the container runs: the service, its weights, and the snapshots of its database."""
