"""Faults of the world: killed processes, full disks, two runs at once, too little memory."""
