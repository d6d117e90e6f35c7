"""Compression: learning from another network by auxiliary losses; how much memory weights take."""
