"""The user's private folder of running processes: their sockets, locks and logs."""
