"""Random calls, programs, branches and changes of state against Python and NumPy themselves.

``python -m tests.fuzz --seconds 60`` prints what agreed, what was refused and what was wrong,
with a small program for each kind of wrong answer.
"""
