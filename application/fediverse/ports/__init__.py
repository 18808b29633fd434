"""What the maintenance and federation tasks ask of the world."""
