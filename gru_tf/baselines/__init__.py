"""Models without a recurrent network that a recurrent one has to beat, one file each, in folders by what they read."""
