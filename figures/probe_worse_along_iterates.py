"""Whether C_LS of the Gibbs policies gets worse along the flow: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_worse_along_iterates"]))
