"""Comparing what was seen with what was there: matching, counts.

Everything here takes arrays and gives arrays; nothing reads files or draws. It needs NumPy only.
"""
