"""Where the readings of the heat step end: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "heat_step_readings"]))
