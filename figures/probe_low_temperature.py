"""The flow between wells that freeze: see docs/findings.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "probe_low_temperature"]))
