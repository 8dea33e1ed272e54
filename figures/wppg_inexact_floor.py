"""What a wrong critic leaves of the gap: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wppg_inexact_floor"]))
