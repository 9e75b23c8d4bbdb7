"""Chaos of links."""
