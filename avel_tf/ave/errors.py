"""The error for input files that the user has to mend."""


class DataError(ValueError):
    """A dataset's files are missing or wrong; the message names the record and what to do."""
