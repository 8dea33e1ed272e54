"""What a wrong critic makes of the exact theorem: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_wrong_critic"]))
