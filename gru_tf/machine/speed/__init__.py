"""What does each cell cost in time, on this machine? Asked for, measured, fitted, drawn, stored, shown."""
