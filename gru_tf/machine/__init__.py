"""What this machine can do: speed/ and doctor/."""
