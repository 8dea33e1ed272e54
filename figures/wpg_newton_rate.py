"""How much of the gap an implicit step leaves: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wpg_newton_rate"]))
