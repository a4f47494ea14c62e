"""A trained system on the user's own videos: events, and matches across modalities."""
