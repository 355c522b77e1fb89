"""What happens around every request, one module each; `codetune_remote.app` says in which order."""
