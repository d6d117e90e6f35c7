"""Compression: a network learns from another one."""
