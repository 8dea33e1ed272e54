"""Right-hand sides only: arrays in, arrays out, one function a bound, grouped by chapter.

A bound is a ``Bound``: ``bound(**data, **constants)`` is the formula, ``bound.given(**data)`` leaves
the constants free. Bounds are monotone in every datum, or report the rounding of their own solve.
"""
