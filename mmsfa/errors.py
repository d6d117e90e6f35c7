"""Errors that are the user's to mend: the tools show their sentence without a traceback."""

from __future__ import annotations


class UserError(Exception):
    """Its message says what was expected, what came and how to mend it."""


class OptionError(UserError, ValueError):
    """Command-line options, or an option and the config, do not fit together."""
