"""The last rate of the gradient flow against temperature: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wpg_rate_vs_temperature"]))
