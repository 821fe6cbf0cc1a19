"""tlsd beside its peers: what each costs per CPU-second, on one machine, in one run.

docs/benchmarks/README.md says how to run it and how to read what it writes.
"""
