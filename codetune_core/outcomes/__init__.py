"""What became of an edit that was applied: from texts and times alone, without an editor."""
