"""Starting, stopping and trying Reprise: what the scripts beside this file are made of."""
