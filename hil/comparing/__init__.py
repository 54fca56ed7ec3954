"""Several runs side by side: settings that differ, figures with intervals, lost pictures, the same pictures."""
