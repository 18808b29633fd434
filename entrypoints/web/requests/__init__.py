"""What a request says: its parameters, bodies, instants and ids, and what is wrong with it."""
