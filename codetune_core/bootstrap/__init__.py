"""Settings become the objects that do the work: the only package that names concrete classes."""
