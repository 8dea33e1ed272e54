"""Proximal steps below the threshold of their theorem: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_short_steps"]))
