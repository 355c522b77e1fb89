"""Prompts of the library as entries of the editor's menu: which, about what, and what becomes of the answer."""
