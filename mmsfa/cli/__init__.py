"""What the tools share: arguments, resuming, and how an error is shown. Only tools import it."""

import mmsfa.safe_loading  # noqa: F401  tools load checkpoints of others
