"""What the tools share: arguments, resuming, and how an error is shown. Only tools import it."""
