"""Particles in the place of densities: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "particles_*"]))
