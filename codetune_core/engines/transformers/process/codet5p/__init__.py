"""CodeT5+ 2B, 6B and 16B, of our own, for their weights as they were published."""
