"""Whether the value of a metric measures anything."""

from __future__ import annotations

import math
import re
from typing import Any

# COCO and LVIS give -1 where nothing was there to be found; other metrics may be -1 in earnest.
_PRECISION_OR_RECALL = re.compile(r'(AP|AR)([@_smlrcf\d]|$)')


def is_measured(name: str, value: Any) -> bool:
    """Tell a number from what stands for "nothing to measure".

    Args:
        name: Of the metric.
        value: What an evaluator gave.

    Returns:
        False for NaN, infinity, the -1 of COCO, and what is no number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):  # lists of classes, tensors of several
        return False
    return math.isfinite(number) and not (number == -1 and _PRECISION_OR_RECALL.search(name))
