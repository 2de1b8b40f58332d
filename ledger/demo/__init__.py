"""A made-up brokerage as nightly files in format core-v1: for trying out, for tests and for benchmarks (N1).

All persons, firms, document numbers, telephone numbers and addresses are invented; `identity` says how it is made sure
that none of them can belong to anybody. Cities and street names are real, where a street lies in its city is not.

Standard library only, no Django. The same arguments give the same bytes: each client draws from random streams of its
own, so that neither the other clients nor the choice of files changes what is written about it.
"""
