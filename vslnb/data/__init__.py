"""Everything that reads or makes data in the SCAN layout."""
