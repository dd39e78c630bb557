"""The wire, the bridge from sync to async, and the only loop that waits."""
