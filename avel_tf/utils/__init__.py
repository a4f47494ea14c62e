"""Checks, locks and atomic writes that every room may use."""
