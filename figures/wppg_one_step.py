"""One proximal step and its Kantorovich potential: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wppg_one_step"]))
