"""What a run holds: a log of steps that outlives the process, and a working copy of it on disk."""
