"""Bytes that people bring: what they are, what is in them, and where they lie. Whose they are is the domain's."""
