"""Exported models: signatures, validation, push and loading."""
