"""What this machine does in what time, always beside the bare forward of the same run."""
