"""``python -m codetune_server``: the same as ``codetune lsp``."""

from codetune_server.app import lsp

lsp(prog_name="codetune lsp")
