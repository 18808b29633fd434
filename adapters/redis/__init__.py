"""Every port of the store in one Redis (7.0 or later) or Valkey (8 or later): a step is a script, a record an array."""
