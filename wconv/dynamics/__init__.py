"""Dynamics on densities: schemes, the paths they make, closed Gaussian forms."""
