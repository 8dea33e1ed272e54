"""C_P, C_T and C_LS of a cooling double well: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "constants_vs_temperature"]))
