"""Langevin steps beyond the premises of the theorems: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_long_steps"]))
