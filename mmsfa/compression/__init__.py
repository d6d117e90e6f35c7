"""Smaller models, and what they take: distillation, memory of weights."""
