"""Files of a workspace: which are looked at, and how they are read."""
