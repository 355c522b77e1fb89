"""The engine ``anthropic``: Anthropic's Messages interface over HTTP."""
