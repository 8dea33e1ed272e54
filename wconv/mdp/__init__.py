"""The problem: MDP records, policies, the zoo of recipes, files and foreign tables."""
