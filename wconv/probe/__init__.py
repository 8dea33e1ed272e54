"""Where theorems break: sweeps over parameters, bisection to the breaking value, the worst problem."""
