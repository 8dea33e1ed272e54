"""Measured quantities of policies and solutions: gaps, residuals, divergences, gains."""
