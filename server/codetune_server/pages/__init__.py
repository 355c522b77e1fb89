"""Pages of Markdown for the person at the editor: read from the server, from a file, in a hover, or as a message."""
