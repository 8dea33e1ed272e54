"""Where the factor 1−γ of the sup-norm theorems is attained: see docs/gallery.md."""

from wconv.cli import main

raise SystemExit(main(["figures", "wpg_stay_or_leave"]))
