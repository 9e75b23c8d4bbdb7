"""A disaster and the restore after it: how long each part takes, and what is there again.

course   what is done, in its order, with real commands on real servers
run      the subcommand
"""
