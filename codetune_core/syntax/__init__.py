"""What the text of a program says about itself, also while it is broken."""
