"""What does each cell cost in time on this machine? Specified, measured, fitted, drawn, stored."""
