"""What is left of the proximal scheme on finitely many actions: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_finite_actions"]))
