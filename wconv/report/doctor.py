"""What the machine can do: versions, extended precision, JAX's devices and settings."""

from collections.abc import Iterator

import numpy as np

from wconv.report.environment import environment


def examine() -> Iterator[str]:
    """Lines of a diagnosis; imports JAX to ask it, and changes none of its settings."""
    for name, value in environment().items():
        yield f"{name:12} {value}"
    eps = float(np.finfo(np.longdouble).eps)
    worth = "extended" if eps < 1e-18 else "no better than double: certificates are wider here"
    yield f"{'longdouble':12} eps {eps:.1e} ({worth})"
    import jax

    yield f"{'jax x64':12} {'on' if jax.config.jax_enable_x64 else 'off (kernels switch it on in a scope)'}"
    yield f"{'jax matmul':12} {jax.config.jax_default_matmul_precision or 'default'}"
    yield f"{'jax devices':12} {', '.join(str(device) for device in jax.devices())}"
