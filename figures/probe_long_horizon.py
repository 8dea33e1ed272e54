"""Bounds and rates as the discount tends to one: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_long_horizon"]))
