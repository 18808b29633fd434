"""What stores keep, as rows of plain values: the one spelling of every record, whatever the engine."""
