"""Rule fixes: proposed from the syntax tree, applied to a copy, verified before anyone sees them."""
