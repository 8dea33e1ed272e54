"""The problems with continuous states, solved: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "continuous_*"]))
