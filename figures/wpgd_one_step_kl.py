"""One Langevin step: what it contracts, and its error: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wpgd_one_step_kl"]))
