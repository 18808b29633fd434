"""Who is let in, and by which way they come."""
