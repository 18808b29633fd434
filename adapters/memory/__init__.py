"""The reference behaviour of every store port, held in memory."""

from adapters.memory.stores import MemoryStores, open_memory_store

__all__ = ["MemoryStores", "open_memory_store"]
