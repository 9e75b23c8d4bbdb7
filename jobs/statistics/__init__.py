"""Figures over many jobs: of a kind, of a target. Only jobs that the asker may see are counted."""
