"""Where numbers stop being finite: in a batch, its loss, or a layer of the model."""

from .first_bad_layer import first_bad_layer, nan_of, non_finite_of, tensors_in
from .judged_batch import JudgedBatch

__all__ = ['JudgedBatch', 'first_bad_layer', 'nan_of', 'non_finite_of', 'tensors_in']
