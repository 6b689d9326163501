"""Exceptions that a user can act on: one line says what was wrong, where, and what to do."""


class VenuleError(Exception):
    """Base class of all errors that the user can fix; the command line exits with 2."""


class UsageError(VenuleError):
    """Missing or contradictory options."""


class ConfigError(VenuleError):
    """A configuration file or override that cannot be used."""


class DatasetError(VenuleError):
    """A data set, or a part of it, is missing or malformed."""


class ImageError(VenuleError):
    """A file that cannot be read as a photograph or as a mask."""


class WeightsError(VenuleError):
    """A weights file, checkpoint or run folder that cannot be used."""


class OutputError(VenuleError):
    """A result that cannot be written, or that would overwrite another."""
