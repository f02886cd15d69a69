"""Other programs over the same data, for figures from the same run. Each says when it is not there, and how to get it."""
