"""Figures of the theory: numbers, a drawing of them, and a caption that the verdicts write."""
