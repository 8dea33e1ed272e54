"""The gap of the gradient flow against `wpg-exp`: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wpg_gap_vs_bound"]))
