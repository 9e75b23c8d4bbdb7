"""Replay: recorded histories, held against today's code without running anything anew."""
