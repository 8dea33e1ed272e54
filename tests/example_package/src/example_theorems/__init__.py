"""Theorems of another package: every file beside this one is a check."""
