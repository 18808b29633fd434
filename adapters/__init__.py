"""The ports' implementations: one package for each thing in the outside world."""
