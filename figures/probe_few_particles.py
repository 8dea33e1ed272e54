"""Below how many particles the theorem of the density fails: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_few_particles"]))
