"""How much of the gap a proximal step leaves: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wppg_rate_vs_step"]))
