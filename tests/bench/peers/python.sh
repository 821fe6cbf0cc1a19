#!/usr/bin/env bash
# Runs a module of Debian's Python with the package `peers`: what servers do needs no other.
exec env PYTHONPATH=tests/bench PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m "$@"
