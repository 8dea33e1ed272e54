"""Constants and rates as the confinement vanishes: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_no_confinement"]))
