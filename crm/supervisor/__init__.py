"""`make run`: starts everything, watches it, stops it. One process, every other one is its child.

`config` reads what the user chose, `prepare` fills what is missing before the start, `child` keeps one program running,
`run` puts them together. Command line: ``python -m crm.supervisor [--stop]``.
"""
