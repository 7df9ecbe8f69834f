"""What the monitor reads from run folders: loss curves, table rows, changes since the last scan, advice."""
