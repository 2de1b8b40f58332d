"""A made-up brokerage written as nightly files: for trying out, tests and benchmarks. Plain Python, no Django.

All persons, numbers and addresses are invented; see `people` for how that is made sure.
"""
