"""The functions that `import avel_tf` offers: from features to events in a few lines, on arrays."""
