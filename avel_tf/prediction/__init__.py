"""A trained system on videos of one's own: events in one, an event of one found in another."""
