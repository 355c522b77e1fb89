"""``codetune serve``: sockets, start, drain and end."""
