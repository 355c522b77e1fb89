"""What leaves this machine: whether it may, what is replaced in it before, and a ledger of it."""
