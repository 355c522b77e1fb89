"""Worker processes: detectors and fixes run beside the language server and the command line, not inside them."""
