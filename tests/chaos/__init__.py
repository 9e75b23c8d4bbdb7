"""Chaos: real processes on real servers while everything around them breaks, as a seed says.

    options    the command line
    hosts      this machine, or hosts that are network namespaces of it
    supervised processes that are started again when they end
    base_servers  Postgres and Valkey of an installation (`servers`)
    scratch    the folder in which everything is
    rows       what the database says, asked again for as long as it is away

Of version updates (`updates`):

    plan       what breaks when, drawn from the seed; pure
    checks     what must hold of a run, whatever broke; pure
    installation  the one that is broken: Postgres, Valkey, workers, sites with servers
    faults     the faults themselves
    failing_extensions  a bad schedule and a bad consumer, which nobody may notice
    drive      one run from its submission to its verdict
    series     all runs of a plan, several at a time, and what must hold in the end
    report     what is said of them

`streams` has the same of followers, `links` of the way to them. `__main__` runs on the machine's
python3 and hands over to `run` in the virtual environment.
"""
