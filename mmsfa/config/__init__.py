"""Everything that takes a Config: scopes, twins, options of the command line, checks."""
