"""From results to what people read: terminal tables, JSON, CSV, JUnit, LaTeX, HTML."""
