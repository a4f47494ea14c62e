"""Results as pages, cards, tables and figures."""
