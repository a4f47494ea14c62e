"""Commands and flags, the console, and errors as messages."""
