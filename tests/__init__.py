"""Tests in the folders of what they test: ``tests/trace/arrays`` tests ``steepest.trace.arrays``.

Four folders are of tests alone. ``cases`` holds inputs that several tests share: problems, data,
calls. ``support`` holds checks. ``project`` tests the project as a whole: its structure, its
documentation, code and graphs at random, memory. ``fuzz`` searches for answers that differ from
plain Python's.
"""
