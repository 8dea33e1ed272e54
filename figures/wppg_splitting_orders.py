"""The split scheme against the exact step: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wppg_splitting_orders"]))
