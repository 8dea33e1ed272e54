"""The gap between residual and residual/(1−γ): see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "bellman_sandwich"]))
