"""The reference behaviour of every store port, held in memory."""
