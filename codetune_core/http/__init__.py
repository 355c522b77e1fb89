"""Asks servers over HTTP: addresses, keys, one pool of connections, and what their refusals mean."""
