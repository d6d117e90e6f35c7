"""Compression: a network learns from another one; how much memory weights take."""
