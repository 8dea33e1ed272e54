"""The flow under tails heavier than Gaussian: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_heavy_tails"]))
