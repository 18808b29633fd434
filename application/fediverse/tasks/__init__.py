"""One maintenance or federation task a file, on a common batch loop."""
