"""The verification ladder: how far an edit that a model proposes holds, checked on a copy before anyone sees it."""
