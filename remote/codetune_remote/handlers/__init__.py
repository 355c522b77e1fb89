"""What each endpoint does: one module for each part of the core."""
