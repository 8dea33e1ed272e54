"""What the Langevin update leaves of the gap: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wpgd_bias_vs_step"]))
