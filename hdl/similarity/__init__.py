"""Similarity of a query and a key."""
