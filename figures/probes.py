"""What the probes of the theorems' premises found: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_*"]))
