"""Chaos: real runs on real servers while everything around them breaks, as a seed says.

    plan       what breaks when, drawn from the seed; pure
    checks     what must hold of a run, whatever broke; pure
    hosts      this machine, or hosts that are network namespaces of it
    kept       processes that are started again when they end
    place      the installation that is broken: Postgres, Valkey, workers, sites with servers
    acts       the faults themselves
    drive      one run from its submission to its verdict
    series     all runs of a plan, several at a time, and what must hold in the end
    report     what is said of them

`__main__` runs on the machine's python3 and hands over to `run` in the virtual environment.
"""
