"""The entropy between two plug-in estimates: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "plugin_entropy"]))
