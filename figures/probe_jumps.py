"""Transitions that jump in the action: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_jumps"]))
