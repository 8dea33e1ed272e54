"""The roof: runs checks on instances and turns what they yield into verdicts."""
