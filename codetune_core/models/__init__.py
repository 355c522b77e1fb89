"""Models: what there is, how it is prompted, what memory it takes, and where its files are."""
