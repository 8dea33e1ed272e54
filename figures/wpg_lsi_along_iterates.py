"""C_LS of the Gibbs policies along the gradient flow: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wpg_lsi_along_iterates"]))
