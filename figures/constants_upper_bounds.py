"""C_LS beside the bounds that are proved of it: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "constants_upper_bounds"]))
