"""Statements proved by computer algebra (grade A)."""
